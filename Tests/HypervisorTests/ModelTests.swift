import DiskLocation
import Hypervisor
import JSON
import Support
import Testing

@Suite("The model of VMs")
struct ModelTests {
    @Test("orders consistency from what is older than a power cut's to that with RAM")
    func order() {
        let expected: [Consistency] = [.stale, .crash, .off, .quiesced, .memory]
        #expect(Consistency.allCases.sorted() == expected)
        #expect(expected.reversed().min() == .stale)
        #expect(!(Consistency.quiesced < .quiesced))
    }

    @Test(
        "says a duration as a person would",
        arguments: [
            (.zero, "0 ms"), (.microseconds(999), "0 ms"), (.milliseconds(40), "40 ms"), (.milliseconds(999), "999 ms"),
            (.seconds(1), "1 s"), (.milliseconds(1049), "1 s"), (.milliseconds(2500), "2.5 s"),
            (.milliseconds(2999), "2.9 s"), (.seconds(300), "300 s"),
        ] as [(Duration, String)])
    func duration(duration: Duration, expected: String) {
        #expect(duration.text == expected)
    }

    @Test(
        "rounds milliseconds down",
        arguments: [
            (.zero, 0), (.microseconds(1999), 1), (.seconds(86400) + .milliseconds(7), 86_400_007),
        ] as [(Duration, Int64)])
    func milliseconds(duration: Duration, expected: Int64) {
        #expect(duration.milliseconds == expected)
    }

    static let nastyDisk = OverlayDisk(
        target: "vda", base: "/tank/a b,c/\"<é>\n.raw", baseFormat: "raw", overlay: "/var/lib/x/web01.qcow2")

    @Test(
        "keeps a hold through JSON at every step",
        arguments: [FreezeState.Step.preparing, .switching, .held, .releasing, .released])
    func hold(step: FreezeState.Step) throws {
        let freezeState = FreezeState(
            step: step, snapshot: "stillpoint-1", disks: [Self.nastyDisk], isThawPending: step == .switching)
        let bytes = try JSON.encode(freezeState)
        #expect(try JSON.decode(FreezeState.self, from: bytes) == freezeState)
    }

    @Test("reads a hold of a version that never paused a guest, and keeps that a guest is paused")
    func paused() throws {
        let old = #"{"step": "held", "snapshot": "a", "disks": [], "owesThaw": false}"#
        var freezeState = try JSON.decode(FreezeState.self, from: Array(old.utf8))
        #expect(freezeState == FreezeState(step: .held, snapshot: "a", disks: []))
        freezeState.isPausedForCommit = true
        #expect(try JSON.decode(FreezeState.self, from: JSON.encode(freezeState)).isPausedForCommit)
    }

    @Test("reads a held disk of a version that did not keep its definition, and keeps one")
    func definition() throws {
        let old = #"{"target": "vda", "base": "/a", "baseFormat": "raw", "overlay": "/o"}"#
        let disk = try JSON.decode(OverlayDisk.self, from: Array(old.utf8))
        #expect(disk == OverlayDisk(target: "vda", base: "/a", baseFormat: "raw", overlay: "/o"))
        let kept = OverlayDisk(
            target: "vda", base: "/a", baseFormat: "raw", overlay: "/o", definition: "<disk a='1'/>\n")
        #expect(try JSON.decode(OverlayDisk.self, from: JSON.encode(kept)) == kept)
    }

    @Test("reads how far a disk has come, also of a version that only knew of pivots")
    func progress() throws {
        let old = #"{"target": "vda", "base": "/a", "baseFormat": "raw", "overlay": "/o", "isPivotAsked": true}"#
        var disk = try JSON.decode(OverlayDisk.self, from: Array(old.utf8))
        #expect(disk.progress == .pivotRequested)
        disk.progress = .committing
        #expect(try JSON.decode(OverlayDisk.self, from: JSON.encode(disk)).progress == .committing)
        disk.progress = nil
        #expect(try JSON.decode(OverlayDisk.self, from: JSON.encode(disk)).progress == nil)
        #expect(try JSON.decode(OverlayDisk.self, from: JSON.encode(Self.nastyDisk)).progress == nil)
    }

    @Test("puts layers over those that a disk has")
    func machine() {
        let machine = VirtualMachine(
            id: "1", name: "a\n\"<", power: .paused,
            disks: [
                Disk(target: "vda", chain: ["/a", "/b"], format: "qcow2"),
                Disk(target: "sda", chain: [], format: "raw", exclusion: .remote),
                Disk(target: "vdb", chain: [], format: "raw", refusal: "it is odd"),
            ], unresolved: ["it is odd"])
        #expect(machine.disks.map(\.source) == ["/a", nil, nil])
        #expect(machine.with(disks: machine.disks.map { $0.over([]) }) == machine)
        let over = machine.disks[0].over([ImageChain.Layer(path: "/c", format: "raw")])
        #expect(over.chain == ["/a", "/b", "/c"])
        #expect(over.chain.map { over.format(of: $0) } == ["qcow2", nil, "raw"])
    }

    @Test("refuses a hold at a step that it does not know")
    func unknownStep() {
        let text = #"{"step": "dancing", "snapshot": "a", "disks": [], "owesThaw": false}"#
        let error = #expect(throws: JSONError.self) { try JSON.decode(FreezeState.self, from: Array(text.utf8)) }
        #expect(error?.code == .invalid)
        #expect(error?.path == "step")
    }

    @Test("says an error with its cause")
    func error() {
        let cause = HypervisorError(.callFailed, "no room", remedy: .retry)
        #expect("\(cause)" == "no room")
        let error = HypervisorError(.overlay, "cannot create a", remedy: .fallBack, cause: cause)
        #expect("\(error)" == "cannot create a: no room")
    }

    @Test("has the configuration's words for strategies")
    func strategies() {
        #expect(
            Strategy.words.map(\.rawValue)
                == ["memory", "quiesce", "freeze", "shutdown", "pause", "crash-consistent", "ignore"])
        #expect(Strategy(rawValue: "exec:/usr/local/sbin/app") == .exec(path: "/usr/local/sbin/app"))
        for word in ["exec", "exec:", "exec:app", "Quiesce", ""] { #expect(Strategy(rawValue: word) == nil) }
    }
}
