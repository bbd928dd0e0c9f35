import CLibvirt
import Hypervisor
import Testing

@testable import LibvirtHypervisor

@Suite("What a VM got from its frozen window")
struct FreezeWindowTests {
    private static let silent = LibvirtError(
        number: Int32(VIR_ERR_AGENT_UNRESPONSIVE.rawValue), message: "Guest agent is not responding")
    private static let disabled = refusal("freeze", "The command guest-fsfreeze-freeze has been disabled")
    private static let letGo = refusal("thaw", "couldn't hold writes: fsfreeze is limited up to 10 seconds: ")
    private static let volume = refusal("freeze", "failed to add D:\\ to snapshot set: Unexpected error")

    private static func refusal(_ command: String, _ text: String) -> LibvirtError {
        LibvirtError(
            number: Int32(VIR_ERR_INTERNAL_ERROR.rawValue),
            message: "internal error: unable to execute QEMU agent command 'guest-fsfreeze-\(command)': \(text)")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var frozen: Result<Int, LibvirtError> = .success(2)
        var moved: Result<Void, LibvirtError>? = .success(())
        var thawed: Result<Int, LibvirtError> = .success(2)
        /// What the second thaw says; nil: nothing.
        var later: Int?
        var preparation = Duration.milliseconds(40)
        /// Nil: the freeze is given up.
        var consistency: Consistency?
        var isThawPending = false
        /// What is told of it.
        var text = ""
    }

    @Test(
        "is quiesced only where it was frozen still when its disks had moved, and it says so itself",
        arguments: [
            Case(testDescription: "frozen, moved, thawed", consistency: .quiesced),
            Case(
                testDescription: "VSS prepared for half a minute", preparation: .seconds(30), consistency: .quiesced,
                text: "the guest took 30 s to prepare its freeze"),
            Case(
                testDescription: "VSS had thawed: our thaw says so", thawed: .failure(letGo), later: 0,
                consistency: .crash, isThawPending: true, text: "fsfreeze is limited up to 10 seconds"),
            Case(
                testDescription: "VSS had thawed, and nothing answers afterwards", thawed: .failure(letGo),
                consistency: .crash, isThawPending: true, text: "fsfreeze is limited up to 10 seconds"),
            Case(
                testDescription: "VSS had thawed, and a second thaw claims otherwise", thawed: .failure(letGo),
                later: 2,
                consistency: .crash, isThawPending: true, text: "fsfreeze is limited up to 10 seconds"),
            Case(
                testDescription: "nothing was left to thaw", thawed: .success(0), consistency: .crash,
                text: "had thawed on its own"),
            Case(
                testDescription: "the thaw was not answered, and the next one thawed", thawed: .failure(silent),
                later: 2,
                consistency: .quiesced, isThawPending: true, text: "the first thaw failed"),
            Case(
                testDescription: "the thaw was not answered, and the next one had nothing to do",
                thawed: .failure(silent), later: 0, consistency: .crash, isThawPending: true,
                text: "had thawed on its own"),
            Case(
                testDescription: "no thaw is answered", thawed: .failure(silent), consistency: .crash,
                isThawPending: true, text: "is not known"),
            Case(
                testDescription: "fewer file systems froze than there are", frozen: .success(1), thawed: .success(1),
                consistency: .crash, text: "froze 1 of 2"),
            Case(
                testDescription: "a volume is not taken", frozen: .failure(volume), moved: nil, thawed: .success(0),
                text: "failed to add D:\\ to snapshot set"),
            Case(
                testDescription: "a volume is not taken, and the thaw fails too", frozen: .failure(volume), moved: nil,
                thawed: .failure(letGo), text: "failed to add D:\\ to snapshot set"),
            Case(
                testDescription: "the freeze is not answered: it may come yet", frozen: .failure(silent), moved: nil,
                thawed: .failure(silent), isThawPending: true, text: "not responding"),
            Case(
                testDescription: "the freeze is not answered, and is thawed later", frozen: .failure(silent),
                moved: nil,
                thawed: .failure(silent), later: 2, isThawPending: true, text: "not responding"),
            Case(
                testDescription: "somebody else has frozen the guest", frozen: .failure(disabled), moved: nil,
                thawed: .failure(disabled), text: "somebody else has frozen the guest"),
            Case(testDescription: "nothing froze", frozen: .success(0), moved: nil, text: "froze no file system"),
            Case(testDescription: "the disks did not move", moved: .failure(volume), text: "did not move"),
        ])
    func result(_ example: Case) throws {
        let window = FreezeWindow(
            frozen: example.frozen.mapError { $0 as any Error }, moved: example.moved?.mapError { $0 as any Error },
            thawed: example.thawed.mapError { $0 as any Error }, preparation: example.preparation,
            duration: example.preparation + .milliseconds(60))
        #expect(window.isThawPending == example.isThawPending)
        let listed = ["C:\\", "D:\\"].map { GuestFileSystem(mountPoint: $0, disks: [], type: "NTFS") }
        let selection = FreezeSelection(listed, held: ["vda"], writable: ["vda"])
        do {
            let result = try window.result(example.later, selection, agentTimeout: .seconds(5))
            #expect(result.consistency == example.consistency)
            #expect(result.notes.joined(separator: "; ").contains(example.text) || example.text.isEmpty)
            // VSS held nobody's writes while it prepared.
            #expect(result.frozenFor == .milliseconds(60))
        } catch {
            #expect(example.consistency == nil)
            #expect("\(error)".contains(example.text), "\(error)")
            #expect((error as? HypervisorError)?.remedy == .fallBack)
        }
    }

    @Test("of a guest that does not answer as Windows does counts from the request")
    func linux() throws {
        let window = FreezeWindow(
            frozen: .success(1), moved: .success(()), thawed: .success(1), preparation: .seconds(1),
            duration: .seconds(2))
        let root = GuestFileSystem(mountPoint: "/", disks: [], type: "ext4", device: "vda1")
        let selection = FreezeSelection([root], held: ["vda"], writable: ["vda"])
        #expect(try window.result(nil, selection, agentTimeout: .seconds(5)).frozenFor == .seconds(2))
    }
}
