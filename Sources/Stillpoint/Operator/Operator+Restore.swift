internal import Logging
internal import Storage

extension Operator {
    /// `stillpoint restore DATASET@SNAP --vm NAME`
    public func restore(_ options: RestoreOptions) async -> ExitCode {
        await perform { configuration in
            let hypervisors = Hypervisors(configuration, context)
            do {
                let job = RestoreJob(
                    options: options, snapshot: try SnapshotName(options.snapshot), configuration: configuration,
                    hypervisors: hypervisors, storage: try StorageMap(roots: context.roots), zfs: context.zfs,
                    log: context.log, progress: progress)
                switch options.target {
                case .clone(let name): try await CloneRestore(job: job, name: name).run()
                case .inPlace: try await InPlaceRestore(job: job).run()
                }
            } catch {
                await hypervisors.close()
                throw error
            }
            await hypervisors.close()
            return .done
        }
    }
}
