package import Hypervisor

extension Configuration {
    /// All strategies that some section names, whether or not there is a VM for it.
    package var strategies: Set<Strategy> {
        let policies = [policy] + datasets.map(\.policy) + types.map(\.policy) + machines.map(\.policy)
        return Set(policies.flatMap { $0.strategies ?? [] })
    }
}
