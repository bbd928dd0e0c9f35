import Glibc
import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A base, before an overlay is committed into it by qemu-img")
struct BaseWriteHistoryTests {
    private static func file(_ modified: Int64, boot: String = "b", inode: UInt64 = 7, bytes: UInt64 = 64) -> ImageStamp
    {
        ImageStamp(boot: boot, modified: modified, inode: inode, bytes: bytes, sectors: nil)
    }

    private static func device(_ sectors: UInt64, boot: String = "b") -> ImageStamp {
        ImageStamp(boot: boot, modified: nil, inode: nil, bytes: nil, sectors: sectors)
    }

    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var progress: OverlayDisk.Progress?
        var rest: ImageStamp?
        var now: ImageStamp? = file(10)
        /// Milliseconds.
        var lead: Int? = -1000
        var moved: Int64?
        var isNamed = true
        var isWritten: Bool?
        let isWell: Bool
    }

    static let samples = [
        Sample(testDescription: "is as it was left", rest: file(10), isWell: true),
        Sample(testDescription: "was written since", rest: file(9), isWell: false),
        Sample(testDescription: "was put back to an older state", rest: file(11), isWell: false),
        Sample(testDescription: "is older after a power cut", rest: file(11, boot: "a"), isWell: true),
        Sample(testDescription: "was written after a power cut", rest: file(9, boot: "a"), isWell: false),
        Sample(testDescription: "is another file", rest: file(10, inode: 8), isWell: false),
        Sample(testDescription: "has another length", rest: file(10, bytes: 65), isWell: false),
        Sample(testDescription: "is a device now", rest: file(10), now: device(10), isWell: false),
        Sample(testDescription: "cannot be read", rest: file(10), now: nil, isWell: false),
        Sample(
            testDescription: "is a device as it was left", rest: device(5), now: device(5), lead: nil, isWell: true),
        Sample(
            testDescription: "is a device that was written", rest: device(5), now: device(6), lead: nil, isWell: false),
        Sample(
            testDescription: "is a device that was written after the host was started anew", rest: device(5, boot: "a"),
            now: device(5), lead: nil, isWell: false),
        Sample(
            testDescription: "is a device that nobody has written since the host was started anew",
            rest: device(5, boot: "a"), now: device(0), lead: nil, isWell: true),
        Sample(
            testDescription: "is a device, the host was started anew, and its domain may have been on it",
            rest: device(5, boot: "a"), now: device(0), lead: nil, isNamed: false, isWell: false),
        Sample(
            testDescription: "is a device that was seen to be written before the host was started anew",
            rest: device(5, boot: "a"), now: device(0), lead: nil, isWritten: true, isWell: false),
        Sample(
            testDescription: "is a device, and the power went during its commit", progress: .committing,
            rest: device(5, boot: "a"), now: device(0), lead: nil, isWell: true),
        Sample(
            testDescription: "is a device, and the power went at its pivot", progress: .pivotRequested,
            rest: device(5, boot: "a"), now: device(0), lead: nil, isWell: false),
        Sample(
            testDescription: "is a device, and the power went at a second commit", progress: .undecided,
            rest: device(5, boot: "a"), now: device(0), lead: nil, isWell: false),
        Sample(
            testDescription: "is a device that was committed to, and its overlay used again, before the power went",
            progress: .committed, rest: device(5, boot: "a"), now: device(0), lead: nil, isWell: false),
        Sample(testDescription: "was never noted", isWell: false),
        Sample(
            testDescription: "was never noted, and not written since libvirt moved the disk", moved: 10, isWell: true),
        Sample(testDescription: "was never noted, and written since libvirt moved the disk", moved: 9, isWell: false),
        Sample(
            testDescription: "is a device that was never noted", now: device(5), lead: nil, moved: 10, isWell: false),
        Sample(
            testDescription: "is untouched by the commit that was to begin", progress: .committing, rest: file(10),
            lead: 9000, isWell: true),
        Sample(
            testDescription: "was written by the commit that was killed", progress: .committing, rest: file(9),
            lead: 1500, isWell: true),
        Sample(
            testDescription: "was written long after the commit was killed", progress: .committing, rest: file(9),
            lead: 2500, isWell: false),
        Sample(
            testDescription: "is a device, and its commit was killed", progress: .committing, rest: device(5),
            now: device(9), lead: nil, isWell: false),
        Sample(
            testDescription: "was committed to, and is so still", progress: .committed, rest: file(10), isWell: true),
        Sample(
            testDescription: "was committed to, and written since", progress: .committed, rest: file(9), isWell: false),
        Sample(testDescription: "was left for the overlay again", progress: .committed, isWell: true),
        Sample(testDescription: "was pivoted to, and written", progress: .committed, lead: 1, isWell: false),
    ]

    @Test("takes the overlay's writes only where nobody else can have written to it", arguments: samples)
    func doubt(sample: Sample) {
        var disk = OverlayDisk(target: "vda", base: "/tank/a.raw", baseFormat: "raw", overlay: "/o/a.qcow2")
        disk.progress = sample.progress
        disk.baseAtRest = sample.rest
        disk.isBaseWritten = sample.isWritten
        let doubt = BaseWriteHistory.doubt(
            disk, now: sample.now, lead: sample.lead.map { .milliseconds($0) }, moved: sample.moved,
            isNamed: sample.isNamed)
        #expect((doubt == nil) == sample.isWell, "\(doubt ?? "well")")
        if let doubt { #expect(doubt.contains("/tank/a.raw")) }
    }

    @Test(
        "is remembered as written where it is a device, whose count begins anew with the host",
        arguments: [(device(5), device(6), true), (device(5), device(5), false), (file(9), file(10), false)])
    func remembered(rest: ImageStamp, now: ImageStamp, isWritten: Bool) {
        var disk = OverlayDisk(target: "vda", base: "/dev/zd0", baseFormat: "raw", overlay: "/o/a.qcow2")
        disk.baseAtRest = rest
        #expect(BaseWriteHistory.isWritten(disk, now: now) == isWritten)
        disk.progress = .committing
        #expect(!BaseWriteHistory.isWritten(disk, now: now))
    }

    @Test("is known by its time, length and number, and a device by what was written to it")
    func reading() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("a.raw", "abc")
            let first = try #require(ImageStamp.read(path))
            #expect(first.bytes == 3)
            #expect(first.isUnwritten(try #require(ImageStamp.read(path))) == true)
            usleep(20_000)
            try scratch.write("a.raw", "abd")
            #expect(first.isUnwritten(try #require(ImageStamp.read(path))) == false)
            #expect(ImageStamp.read(path + "x") == nil)
            #expect(ImageStamp.read(scratch.path) == nil)
            let moved = BaseWriteHistory.moved(snapshot: "s", of: "web", in: scratch.path)
            #expect(moved == nil)
            try scratch.write("web/s.xml", "<domainsnapshot/>")
            #expect(BaseWriteHistory.moved(snapshot: "s", of: "web", in: scratch.path) != nil)
            #expect(BaseWriteHistory.moved(snapshot: "s", of: nil, in: scratch.path) == nil)
        }
    }

    @Test("counts as written at the end of its second where its file system keeps whole seconds")
    func wholeSeconds() throws {
        try withScratchFolder { scratch in
            let base = try scratch.write("a.raw", "")
            let overlay = try scratch.write("a.qcow2", "")
            func set(_ path: String, _ seconds: Int, _ nanoseconds: Int) {
                let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
                #expect(utimensat(AT_FDCWD, path, [time, time], 0) == 0)
            }
            let disk = OverlayDisk(target: "vda", base: base, baseFormat: "raw", overlay: overlay)
            set(overlay, 100, 500_000_000)
            set(base, 100, 0)
            #expect(disk.lead == .nanoseconds(499_999_999))
            set(base, 100, 1)
            #expect(disk.lead == .nanoseconds(-499_999_999))
        }
    }

    @Test("is found to be no newer than an overlay whose commit continues")
    func heartbeat() async throws {
        try await withScratchFolder { scratch in
            let overlay = try scratch.write("a.qcow2", "")
            let before = try #require(ImageStamp.modified(overlay))
            try await CommitHeartbeat.during({ [overlay] }) { try await Task.sleep(for: .milliseconds(300)) }
            let after = try #require(ImageStamp.modified(overlay))
            #expect(after > before)
            try await Task.sleep(for: .milliseconds(1200))
            #expect(ImageStamp.modified(overlay) == after)
        }
    }
}
