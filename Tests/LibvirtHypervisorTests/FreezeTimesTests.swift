import Hypervisor
import Testing

@testable import LibvirtHypervisor

@Suite("How long a freeze may take")
struct FreezeTimesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// Seconds until the manager stops waiting; nil: it does not.
        var left: Double?
        var agent = 5
        var freeze = 60
        var isWindows = false
        let expected: [Int]
        var testDescription: String {
            "\(left.map { "\($0) s" } ?? "all the time") for \(isWindows ? "Windows" : "Linux"), \(agent) and \(freeze) s"
        }
    }

    @Test(
        "is freeze_timeout where the manager waits so long, else all but what its end takes; for questions agent_timeout",
        arguments: [
            Case(expected: [5, 60, 5]), Case(isWindows: true, expected: [5, 60, 10]),
            // sanoid's default.
            Case(left: 4.5, expected: [2, 2, 2]), Case(left: 4.5, isWindows: true, expected: [2, 2, 2]),
            Case(left: 20, expected: [5, 13, 5]), Case(left: 20, isWindows: true, expected: [5, 10, 10]),
            Case(left: 60, expected: [5, 53, 5]), Case(left: 60, isWindows: true, expected: [5, 48, 10]),
            Case(left: 120, expected: [5, 60, 5]), Case(left: 120, isWindows: true, expected: [5, 60, 10]),
            Case(left: 120, agent: 2, freeze: 9, expected: [2, 9, 2]),
            Case(left: 120, agent: 30, freeze: 9, expected: [30, 9, 30]),
            // libvirt takes whole seconds, from one on.
            Case(left: 0.3, expected: [1, 1, 1]), Case(left: -5, isWindows: true, expected: [1, 1, 1]),
        ])
    func times(_ example: Case) {
        var settings = ConnectionTests.settings(uri: "test:///default", overlays: "/o")
        settings.agentTimeout = .seconds(example.agent)
        settings.freezeTimeout = .seconds(example.freeze)
        settings.freezeLimit = .seconds(10)
        let left = example.left.map { Duration.milliseconds(Int($0 * 1000)) }
        let times = FreezeTimes(settings, left: left, isWindows: example.isWindows)
        #expect([times.question, times.freeze, times.thaw] == example.expected.map { .seconds($0) })
        // What the guest is given never lasts until the manager's time-out.
        if let left, left > .seconds(2) { #expect(times.freeze + FreezeTimes.undoing < left) }
    }
}
