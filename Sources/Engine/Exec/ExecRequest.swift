internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// What a program of the administrator's own reads as JSON from its standard input (docs/exec.md).
struct ExecRequest: Sendable, Encodable {
    /// The version of the protocol that is spoken here.
    static let version = 1

    /// What it is called with, as its one argument too.
    enum Action: String, Sendable, Encodable {
        /// Bring the application or the VM to a state that may be snapshotted.
        case freeze
        /// Let it continue, after a `freeze` of this process, or one that was answered.
        case release
        /// The same where nobody knows what the calls before have done.
        case recover
    }

    /// The run, as far as a program may want to know of it.
    struct Subject: Sendable {
        let run: String
        let manager: String
        let targets: [String]
        let recursiveTargets: [String]
        let snapshots: [String]
        let machine: Machine

        init(_ run: Run, _ machine: Machine) {
            self.run = run.id.text
            manager = run.manager
            targets = run.targets.map(\.rawValue)
            recursiveTargets = run.recursiveTargets.map(\.rawValue)
            snapshots = run.snapshots.map(\.rawValue)
            self.machine = machine
        }
    }

    struct Machine: Sendable, Encodable {
        let hypervisor: String
        let id: String
        let name: String
        /// The snapshotted datasets that hold its disks.
        let datasets: [String]
        /// Nil but for `freeze`.
        var disks: [Image]?

        init(_ record: VMRecord, disks: [Disk]? = nil) {
            hypervisor = record.hypervisor
            id = record.id
            name = record.name
            datasets = record.datasets.map(\.rawValue)
            self.disks = disks?.map(Image.init)
        }

        var withoutDisks: Machine {
            var machine = self
            machine.disks = nil
            return machine
        }
    }

    /// A writable disk on these datasets.
    struct Image: Sendable, Encodable {
        let target: String
        let path: String?
        let format: String

        init(_ disk: Disk) {
            target = disk.target
            path = disk.source
            format = disk.format
        }
    }

    let version = Self.version
    let action: Action
    let run: String
    let manager: String
    let targets: [String]
    let recursiveTargets: [String]
    let snapshots: [String]
    let vm: Machine
    /// After that it is killed.
    let timeoutMilliseconds: Int64
    /// What its own `freeze` answered as `state`; nil where that is not known.
    let state: OpaqueJSON?

    init(_ action: Action, _ subject: Subject, within limit: Duration, state: OpaqueJSON?) {
        self.action = action
        run = subject.run
        manager = subject.manager
        targets = subject.targets
        recursiveTargets = subject.recursiveTargets
        snapshots = subject.snapshots
        vm = action == .freeze ? subject.machine : subject.machine.withoutDisks
        timeoutMilliseconds = max(limit.milliseconds, 0)
        self.state = state
    }
}
