import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("A watchdog's systemd scope")
struct WatchdogScopeTests {
    private let run = RunID.make()

    private func scope(_ proc: String) -> WatchdogScope { WatchdogScope(run: run, environment: [:], proc: proc) }

    @Test(
        "is asked for only where systemd is this very namespace's init",
        arguments: [
            ("systemd\n", true), ("systemd", true), ("init\n", false), ("systemd-nspawn\n", false), ("", false),
            (nil, false),
        ] as [(String?, Bool)])
    func initProcess(name: String?, expected: Bool) throws {
        try withScratchFolder { scratch in
            if let name { try scratch.write("1/comm", name) }
            #expect(scope(scratch.path).isUnderSystemd == expected)
        }
    }

    @Test("has the process, ends with it, and is stopped before libvirtd and the guests are")
    func call() {
        let words = scope("/proc").arguments(process: 4711)
        #expect(words.contains("stillpoint-watchdog-\(run).scope"))
        // busctl(1): the signature, then an array's length before its elements, a variant's type before its value.
        let signature = words.firstIndex(of: "ssa(sv)a(sa(sv))") ?? 0
        #expect(words[signature + 3] == "4")
        let properties = words[(signature + 4)...].joined(separator: "|")
        #expect(properties.contains("PIDs|au|1|4711|"))
        #expect(properties.contains("After|as|3|libvirtd.service|virtqemud.service|libvirt-guests.service|"))
        #expect(properties.hasSuffix("CollectMode|s|inactive-or-failed|0"))
    }
}
