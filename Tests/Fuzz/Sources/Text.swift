import Hypervisor
import Support
import ZFS

@testable import Configuration
@testable import Engine
@testable import Hooks
@testable import INIFile
@testable import Operator
@testable import RunState
@testable import SnapshotManagers

/// Our own configuration: an error names a line, and what is accepted is whole.
func fuzzConfiguration(_ bytes: [UInt8]) {
    // What is told of a configuration that is refused: of any text.
    let rest = try? INIFile.parse(bytes: bytes, path: "x.conf", skippingWrongLines: true)
    do throws(INIError) {
        let file = try INIFile.parse(bytes: bytes, path: "x.conf")
        invariant(rest == file, "what is right is salvaged otherwise")
        do throws(ConfigurationError) {
            let configuration = try Configuration(file, kinds: ["libvirt", "vsphere", "exec"])
            check(configuration)
        } catch {
            invariant(error.description.hasPrefix("x.conf:"), "an error names no line: \(error)")
            invariant(!error.description.unicodeScalars.contains("\n"), "an error has several lines")
        }
    } catch {
        invariant(error.line > 0, "an error names no line: \(error)")
        invariant(!error.description.unicodeScalars.contains("\n"), "an error has several lines")
    }
}

private func check(_ configuration: Configuration) {
    invariant((1...256).contains(configuration.maxParallel), "max_parallel is out of its bounds")
    for path in [configuration.stateDirectory, configuration.overlayDirectory, configuration.ramDirectory] {
        invariant(path.hasPrefix("/"), "\(path) is not absolute")
    }
    for limit in [
        configuration.maxHold, configuration.agentTimeout, configuration.freezeTimeout, configuration.freezeLimit,
    ] {
        invariant(limit >= .seconds(1) && limit <= .seconds(86400), "a time is out of its bounds")
    }
    guard let dataset = try? DatasetName("tank/VM") else { return }
    let machine = VirtualMachine(
        id: "c0ffee00-0000-4000-8000-000000000001", name: "web", title: "Shop", power: .running, disks: [])
    for types in [[], ["daily"], ["daily", "hourly", ""]] {
        let policy = configuration.policy(of: machine, on: dataset, types: types)
        invariant(policy.strategies?.isEmpty == false && policy.onFailure != nil, "a VM has no policy")
        for line in [policy.strategyLine, policy.onFailureLine] {
            invariant(line.map { $0.line > 0 && $0.file == "x.conf" } ?? true, "a line that is none")
        }
        invariant(
            !configuration.ignoresAll(types: types) || configuration.ignores([dataset], types: types),
            "all is ignored, and a dataset is not")
        let isAsked = configuration.hypervisors.contains(where: \.isEnabled)
        invariant(
            !isAsked || !configuration.ignores([dataset], types: types) || policy.strategies == [.ignore],
            "a VM is left out that is to be frozen")
    }
    _ = configuration.recursive(for: dataset)
}

/// sanoid.conf, as every version of sanoid reads it.
func fuzzSanoidConfiguration(_ bytes: [UInt8]) {
    let file = SanoidConfigFile(bytes: bytes)
    invariant(Set(file.names).count == file.names.count, "a section is listed twice")
    invariant(Set(file.names) == Set(file.sections.keys), "a section is not listed")
    for version in SanoidVersion.allCases {
        let reading = ResolvedSanoidSettings(
            file, defaults: ["script_timeout": .one("5")], version: version, datasets: ["tank/VM", "tank"])
        for dataset in ["tank/VM", "tank"] {
            _ = reading.isZFSRecursive(dataset)
            if let alarm = reading.alarm(for: dataset) { invariant(alarm > 0, "an alarm of \(alarm) s") }
        }
    }
}

/// Arguments and variables, each ended by a NUL; the first byte says how many are arguments.
func fuzzHookInput(_ bytes: [UInt8]) {
    var choices = Choices(bytes)
    let (count, phase) = (Int(choices.byte() % 6), [Phase.pre, .post, .prune][Int(choices.byte() % 3)])
    let arguments = (0..<count).map { _ in choices.text() }
    for found in [SanoidArguments(arguments), SanoidArguments(commandLine: arguments, of: "sanoid")].compactMap(\.self)
    {
        guard let directory = found.configurationDirectory else { continue }
        invariant(!directory.isEmpty && arguments.contains { $0.has(directory) }, "\(directory) was not given")
    }
    var environment: [String: String] = [:]
    while !choices.isEmpty, environment.count < 16 {
        let name = HookVariable.allCases[Int(choices.byte()) % HookVariable.allCases.count]
        environment[name.rawValue] = choices.text()
    }
    do throws(InvocationError) {
        let invocation = try Invocation.read(phase: phase, arguments: arguments, environment: environment)
        for snapshot in invocation.snapshots {
            invariant((try? SnapshotName(snapshot.rawValue)) == snapshot, "\(snapshot) is no snapshot's name")
            invariant(invocation.targets.contains(snapshot.dataset), "\(snapshot) is of no target")
        }
        invariant(Set(invocation.types).count == invocation.types.count, "a type is listed twice")
        invariant(invocation.types.allSatisfy { $0.isEmpty || SnapshotType.isValid($0) }, "a type that is none")
        for target in invocation.targets {
            invariant((try? DatasetName(target.rawValue)) == target, "\(target) is no dataset's name")
        }
        invariant(Set(invocation.targets).count == invocation.targets.count, "a target is there twice")
        if let deadline = invocation.deadline { invariant(deadline > .zero, "a deadline of \(deadline)") }
    } catch {
        guard error.code != .helpRequested, error.code != .versionRequested else { return }
        invariant(!error.message.unicodeScalars.contains("\n"), "an error has several lines")
    }
}

/// Text for people: one line, bounded, without what drives a terminal.
func fuzzPrintable(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    let shown = printable(text)
    for scalar in shown.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator:
            invariant(false, "U+\(String(scalar.value, radix: 16)) is shown")
        default: break
        }
    }
    if let name = try? SnapshotName(text) { invariant(name.rawValue == text, "a name is not what was given") }
    if let path = RelativePath(text) {
        invariant(!text.hasPrefix("/") && !path.parts.contains { $0.isEmpty || $0 == "." || $0 == ".." }, "\(path)")
        invariant(path.parts.joined(separator: "/") == text, "a path's parts are not the path")
    }
    let name = fileName(text)
    invariant(!name.utf8.contains(UInt8(ascii: "/")) && name != "." && name != "..", "\(name) is no file's name")
}
