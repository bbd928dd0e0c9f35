internal import Configuration
internal import Engine
internal import Hypervisor
internal import RunState
internal import SnapshotManagers

/// What each VM that is up would get now.
struct GuestTheme: CheckTheme {
    let site: CheckedSite
    var subject: String { "the guests" }
    /// A thousand silent agents, 16 at a time, each for `agent_timeout`.
    var limit: Duration { .seconds(600) }

    func findings() async throws -> [Finding] {
        let configuration = site.configuration
        // An open run that cannot be read is a finding of its own.
        let directory = StateDirectory(configuration.stateDirectory)
        let held = Set(directory.readableRuns.flatMap(\.machines).filter { $0.freezeState != nil }.map(\.key))
        let survey = ObstacleSurvey(maxParallel: configuration.maxParallel, ramDirectory: configuration.ramDirectory)
        let check = GuestCheck(survey: survey, held: held) { [sanoid = site.sanoid] datasets in
            datasets.filter { sanoid?.calls(for: $0).contains(where: \.withholdsInconsistent) == true }
        }
        return await whileWaiting(for: "the guests") {
            await check.findings(site.plans, asRunsHaveThem: site.plansOfRuns)
        }
    }
}
