internal import Hypervisor
internal import Support

/// Why strategies cannot be carried out, by what the server says of the VM. A freeze and `stillpoint check` ask the same.
extension VMDetails {
    /// Why no VM snapshot of the kind can be taken; nil: nothing known forbids it.
    /// - Parameter targets: the disks on the snapshot's datasets.
    func obstacle(to strategy: Strategy, targets: [String]) -> StrategyObstacle? {
        if let hidden = obstacleToAnything { return hidden }
        guard let devices else { return .hiddenDevices }
        if let faultTolerance, faultTolerance != "notConfigured" {
            return StrategyObstacle(
                .deviceUnsupported,
                "the VM is protected by Fault Tolerance (\(printable(faultTolerance))), and cannot have snapshots")
        }
        if let obstacle = devices.obstacles.first { return obstacle }
        let held = devices.disks.filter { targets.contains($0.target) }
        if !held.isEmpty, held.allSatisfy(\.isIndependent) {
            return StrategyObstacle(
                .diskUnsupported, "all its disks there are independent, which no VM snapshot includes",
                fix: "clear \"independent\" in the disks' settings, with the VM powered off")
        }
        switch strategy {
        case .memory: return obstacleToMemory(devices, targets)
        case .quiesce: return hasRunningTools ? nil : missingTools("cannot be quiesced")
        default: return nil
        }
    }

    private func obstacleToMemory(_ devices: VMDevices, _ targets: [String]) -> StrategyObstacle? {
        if devices.disks.contains(where: \.isIndependent) {
            return StrategyObstacle(
                .diskUnsupported, "a disk is independent, so vSphere takes no snapshot with memory")
        }
        return devices.disks.first { !targets.contains($0.target) }.map { outside in
            StrategyObstacle(
                .diskUnsupported,
                "its disk \(outside.target) is not in this snapshot, so that RAM and disks would not be of one instant")
        }
    }

    /// Why its processors cannot be stopped; nil: nothing known forbids it.
    var obstacleToPause: StrategyObstacle? {
        obstacleToAnything
            ?? devices?.passthrough.map { StrategyObstacle(.deviceUnsupported, "\($0), which forbids suspending") }
    }

    /// Why it cannot be shut down and started again; nil: nothing known forbids it.
    var obstacleToShutdown: StrategyObstacle? {
        if let hidden = obstacleToAnything { return hidden }
        guard let devices else { return .hiddenDevices }
        if let disk = devices.disks.first(where: \.isDiscarded) {
            return StrategyObstacle(
                .diskUnsupported, "\(disk.target) is not persistent: what the guest wrote to it would be lost")
        }
        guard powerOffBehavior == "powerOff" || powerOffBehavior.isEmpty else {
            return StrategyObstacle(
                .shutdownIgnored,
                "its snapshot power-off behavior is \(printable(powerOffBehavior)): a shutdown does more than end the guest"
            )
        }
        return hasRunningTools ? nil : missingTools("cannot be asked to shut down")
    }

    private var obstacleToAnything: StrategyObstacle? {
        guard !isConnected else { return nil }
        return StrategyObstacle(
            .unreachable, "the server does not reach the VM: it is \(printable(connection))",
            fix: "reconnect its host, or the VM, in the vSphere client")
    }

    private func missingTools(_ consequence: String) -> StrategyObstacle {
        lacksTools
            ? StrategyObstacle(
                .agentMissing, "VMware Tools are not installed in the guest, so it \(consequence)",
                fix: "install open-vm-tools or VMware Tools in the guest")
            : StrategyObstacle(
                .agentSilent, "VMware Tools are not running in the guest, so it \(consequence)",
                fix: "start them in the guest: systemctl enable --now open-vm-tools (RHEL: vmtoolsd; Windows: the "
                    + "service VMware Tools)")
    }
}

extension StrategyObstacle {
    fileprivate static let hiddenDevices = StrategyObstacle(
        .callFailed, "the server does not show the VM's devices; check the account's role")
}
