internal import DiskLocation
package import Engine
internal import Logging
internal import ZFS

extension Operator {
    /// `stillpoint restore DATASET@SNAP --vm NAME`
    package func restore(_ options: RestoreOptions) async -> ExitCode {
        await perform { configuration in
            try await configuration.requireTrustInDumps()
            let hypervisors = Hypervisors(configuration, context)
            do {
                let job = RestoreJob(
                    options: options, snapshot: try SnapshotName(options.snapshot), configuration: configuration,
                    hypervisors: hypervisors, storage: try StorageMap(roots: context.roots), zfs: context.zfs,
                    log: context.log, progress: progress)
                if let reverting = try await VMSnapshotRestore.find(job) {
                    try await restore(by: reverting, options)
                } else {
                    try await restore(job, options)
                }
            } catch {
                await hypervisors.close()
                throw error
            }
            await hypervisors.close()
            return .done
        }
    }

    private func restore(_ job: RestoreJob, _ options: RestoreOptions) async throws {
        switch options.target {
        case .clone(let name): try await CloneRestore(job: job, name: name).run()
        case .inPlace: try await InPlaceRestore(job: job).run()
        case .printSteps:
            throw RestoreError(.refused, "say where to: --as NAME for a new VM, or --in-place")
        }
    }

    private func restore(by reverting: VMSnapshotRestore, _ options: RestoreOptions) async throws {
        switch options.target {
        case .inPlace: try await reverting.run()
        case .printSteps: say(reverting.steps)
        case .clone:
            throw RestoreError(
                .refused, "a VM of vSphere is not restored beside itself; do it by hand:\n\(reverting.stepsBeside)")
        }
    }
}
