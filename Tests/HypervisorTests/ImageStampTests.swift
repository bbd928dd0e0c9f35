import Glibc
import Testing

@testable import Hypervisor

@Suite("The stamp of an image")
struct ImageStampTests {
    @Test("is made of any time that its owner gives it", arguments: [Int.min, -1, 0, 9_223_372_037, Int.max])
    func times(seconds: Int) {
        let time = timespec(tv_sec: seconds, tv_nsec: 999_999_999)
        #expect(ImageStamp.nanoseconds(time) == ImageStamp.nanoseconds(time))
        #expect(ImageStamp.nanoseconds(time) != ImageStamp.nanoseconds(timespec(tv_sec: seconds, tv_nsec: 0)))
    }
}
