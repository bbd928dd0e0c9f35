internal import Hypervisor

/// What reasons mean, in a sentence or two: what was seen, and where to begin.
enum ReasonMeaning {
    static func text(_ reason: ReasonCode) -> String { all[reason] ?? "See docs/reasons.md." }

    static let all: [ReasonCode: String] = [
        .agentMissing:
            "The VM has no guest agent channel, or its tools are not installed. Add the channel, install the agent.",
        .agentSilent: "The agent, or the tools, did not answer in time. Is it running in the guest?",
        .agentRefuses: "The agent does not allow what it was asked: look at its list of blocked commands.",
        .freezeFailed:
            "The guest was asked to freeze and failed: a hook of its own, VSS, or a busy file system. See its own log.",
        .partlyFrozen: "A file system that could have been frozen was not.",
        .thawedEarly: "The guest had thawed before it was told to; Windows lets go after ten seconds.",
        .thawUnknown: "Whether the guest was frozen until the end is not known, so no more is claimed.",
        .shutdownIgnored: "The guest did not shut down in time, or takes no shutdown.",
        .vmPaused: "The VM was paused already.",
        .vmBusy: "Another run, a restore, a backup or a migration worked on the VM.",
        .vmChanged: "The VM was no longer there, or was started, stopped or changed meanwhile.",
        .diskUnsupported: "A disk of it cannot be moved to an overlay, or be part of a VM snapshot.",
        .deviceUnsupported: "A device of it cannot be part of a memory snapshot.",
        .noRoom: "There was too little room for overlays or RAM: look at overlay_dir and ram_dir.",
        .noTime: "The snapshot manager does not wait so long: raise its time-out, such as sanoid's script_timeout.",
        .noWatchdog: "The run had no watchdog, without which no guest is kept frozen.",
        .overlayFailed: "An overlay could not be made, or the VM could not be moved to it.",
        .unreachable: "The hypervisor did not answer, or its section is wrong.",
        .callFailed: "The hypervisor refused a call, or failed it; the journal has its words.",
        .programFailed: "The program of exec:PATH failed.",
        .stale: "The VM was on an overlay of an earlier run; stillpoint recover, or stillpoint recover --adopt.",
        .noSnapshot: "No snapshot was taken while the VM was held.",
        .undone: "All was undone (on_failure = abort), since another VM could not be frozen.",
        .releasedEarly: "The VM was released before the snapshot was taken, or may have been.",
        .unfinished: "pre-snapshot did not finish.",
        .configured: "The configuration wants no more: crash-consistent comes first. It is not counted as a fallback.",
    ]
}
