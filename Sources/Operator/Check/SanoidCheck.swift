internal import Configuration
internal import Engine
internal import Hypervisor
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// sanoid.conf, for the datasets with VMs that sanoid snapshots.
struct SanoidCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "sanoid.conf" }
    /// Where our hooks are, for the lines to write.
    var hooks: String

    func findings() async throws -> [Finding] {
        guard let sanoid = site.sanoid else { return [] }
        return try await blocking("checking sanoid.conf", within: .seconds(60)) { judge(sanoid) }
    }

    private func judge(_ sanoid: SanoidSchedule) -> [Finding] {
        var faults = SanoidFaults(file: site.sanoidFile)
        var plans: [SanoidSchedule.Call: [PlannedVM]] = [:]
        for plan in site.machines {
            for call in Set(plan.datasets.flatMap { sanoid.calls(for: $0) }) { plans[call, default: []].append(plan) }
        }
        for (call, plans) in plans.sorted(by: { $0.key.target < $1.key.target }) {
            judgeHooks(call, plans, &faults)
            judgeTime(call, plans, &faults)
            judgeFailure(call, plans, &faults)
            judgeRecursion(call, plans, &faults)
            judgePruning(call, plans, &faults)
        }
        return faults.findings + templates(sanoid)
    }

    private func judgeHooks(_ call: SanoidSchedule.Call, _ plans: [PlannedVM], _ faults: inout SanoidFaults) {
        let pre = (key: "pre_snapshot_script", hook: "pre-snapshot", text: call.preSnapshotScript)
        let post = (key: "post_snapshot_script", hook: "post-snapshot", text: call.postSnapshotScript)
        let touched = plans.filter(\.isTouched)
        // What a hook does not touch needs none.
        if touched.isEmpty, pre.text == nil || post.text == nil { return }
        switch (pre.text, post.text) {
        case (nil, nil):
            faults.add(
                .hooksMissing, call, "sanoid calls no hook, and does not freeze: \(names(touched))",
                lines: [line(pre), line(post), "script_timeout = \(timeout(for: touched))"])
            return
        case (nil, _):
            faults.add(.hookMissing, call, "post_snapshot_script is set alone: nothing is frozen", lines: [line(pre)])
        case (_, nil):
            faults.add(
                .hookMissing, call, "pre_snapshot_script is set alone: nothing is released before max_hold",
                lines: [line(post)])
        default: break
        }
        for script in [pre, post, (key: "pruning_script", hook: "prune-snapshot", text: call.pruningScript)] {
            guard let text = script.text else { continue }
            let what = "\(script.key) = \(printable(text, limit: 300))"
            switch HookCommand(text: text, expected: script.hook, host: site.host).fault() {
            case nil: continue
            case .unusable(let reason, let fix)?:
                // To write the very line that is there would mend nothing.
                let install = fileExists("\(hooks)/\(script.hook)") ? nil : "install Stillpoint's hooks in \(hooks)"
                faults.add(
                    .hookUnusable, call, "\(what) cannot do its work: \(reason)", command: fix ?? install,
                    lines: [line(script)])
            case .untrusted(let reason, let fix)?:
                faults.add(.fileUntrusted, call, "\(what), and \(reason)", command: fix, lines: [line(script)])
            case .foreign?:
                faults.add(
                    .hookForeign, call, "\(what) does not name \(script.hook)", lines: [line(script)])
            }
        }
    }

    private func judgeTime(_ call: SanoidSchedule.Call, _ plans: [PlannedVM], _ faults: inout SanoidFaults) {
        guard let limit = call.scriptTimeout, call.preSnapshotScript != nil else { return }
        let wanted = SanoidTimeNeed(plans, site.configuration)
        guard limit < wanted.duration else { return }
        faults.add(
            .scriptTimeoutShort, call,
            "sanoid gives the hooks \(limit.text) (script_timeout, 5 s where it is not set), and \(wanted.reason)",
            lines: ["script_timeout = \(timeout(for: plans))"])
    }

    private func judgeFailure(_ call: SanoidSchedule.Call, _ plans: [PlannedVM], _ faults: inout SanoidFaults) {
        guard call.preSnapshotScript != nil else { return }
        let aborting = plans.filter { $0.onFailure == .abort && $0.isTouched }
        if !aborting.isEmpty {
            if call.withholdsInconsistent {
                faults.add(
                    .failureWithholdsSnapshot, call,
                    "where \(names(aborting)) cannot be frozen, sanoid takes no snapshot (on_failure = abort, "
                        + "no_inconsistent_snapshot)")
            } else {
                faults.add(
                    .failureIgnored, call,
                    "on_failure = abort of \(names(aborting)) undoes the freeze, and sanoid takes the snapshot all the same",
                    lines: ["no_inconsistent_snapshot = yes"])
            }
        }
        if call.forcesPost, call.postSnapshotScript != nil {
            faults.add(.postForced, call, "force_post_snapshot_script is set, which Stillpoint has no use for")
        }
    }

    private func judgeRecursion(_ call: SanoidSchedule.Call, _ plans: [PlannedVM], _ faults: inout SanoidFaults) {
        let below = site.machines.filter { plan in
            plan.datasets.contains { $0 != call.target && $0.isSameOrDescendant(of: call.target) } && plan.isTouched
        }
        guard !below.isEmpty else { return }
        switch (call.isZFSRecursive, site.configuration.recursive(for: call.target)) {
        case (true, .no):
            faults.add(
                .recursionContradicted, call,
                "sanoid snapshots what is below it too (recursive = zfs), and stillpoint.conf says recursive = no, so not "
                    + "frozen are: \(names(below))", fix: "recursive = auto in stillpoint.conf")
        case (false, .yes):
            faults.add(
                .recursionContradicted, call,
                "sanoid snapshots it alone, and stillpoint.conf says recursive = yes, so with it are frozen for nothing: "
                    + names(below), fix: "recursive = auto in stillpoint.conf, or for one snapshot of all",
                lines: ["recursive = zfs"])
        default: break
        }
    }

    private func judgePruning(_ call: SanoidSchedule.Call, _ plans: [PlannedVM], _ faults: inout SanoidFaults) {
        let dumped = plans.filter { $0.strategies.contains(.memory) && $0.hasLocalOverlays }
        guard !dumped.isEmpty, call.prunes, call.pruningScript == nil,
            site.units?.isEnabled("stillpoint-prune.timer") != true
        else { return }
        faults.add(
            .pruningMissing, call,
            "sanoid destroys old snapshots and calls no pruning_script, so RAM dumps stay of: \(names(dumped))",
            lines: ["pruning_script = \(shellQuoted("\(hooks)/prune-snapshot"))"])
    }

    private func templates(_ sanoid: SanoidSchedule) -> [Finding] {
        let ours = site.datasets
        // What the default one lacks is sanoid's own.
        return sanoid.missingTemplates.filter { $0.template != "default" }.filter { section, _ in
            guard let name = try? DatasetName(section) else { return false }
            return ours.contains { $0.isSameOrDescendant(of: name) }
        }.map { section, template in
            Finding(
                .templateMissing,
                "[\(printable(section))] in \(site.sanoidFile) uses the template \(printable(template)), which is not there",
                fix: "correct use_template, or write the section [template_\(printable(template))]")
        }
    }

    private func line(_ script: (key: String, hook: String, text: String?)) -> String {
        "\(script.key) = \(shellQuoted("\(hooks)/\(script.hook)"))"
    }

    /// As the examples have it, or what is needed, in half minutes.
    private func timeout(for plans: [PlannedVM]) -> Int64 {
        let needed = SanoidTimeNeed(plans, site.configuration).duration.components.seconds
        return max(120, (needed + 29) / 30 * 30)
    }

    private func names(_ plans: [PlannedVM]) -> String { shortList(plans.map { printable($0.machine.name) }.sorted()) }
}
