import Hypervisor
import Testing

@testable import LibvirtHypervisor

@Suite("A held disk, as a release finds it")
struct OverlayStateTests {
    static let disk = OverlayDisk(target: "vda", base: "/tank/a.raw", baseFormat: "raw", overlay: "/o/a.qcow2")
    static let onOverlay = [DiskChain(target: "vda", chain: ["/o/a.qcow2", "/tank/a.raw"])]
    static let onBase = [DiskChain(target: "vda", chain: ["/tank/a.raw"])]
    static let below = [DiskChain(target: "vdc", chain: ["/s/theirs.qcow2", "/o/a.qcow2", "/tank/a.raw"])]
    static let other = [DiskChain(target: "vdb", chain: ["/tank/b.raw"])]

    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var step = FreezeState.Step.held
        var live: [DiskChain]?
        var persistent: [DiskChain] = []
        var overlay = OverlayContent.written
        var progress: OverlayDisk.Progress?
        var baseAtRest: ImageStamp?
        /// Seconds.
        var lead: Int?
        var isSameProcess = false
        var isContained = false
        /// Nil: doubtful.
        let expected: OverlayState?
    }

    static let samples = [
        Sample(testDescription: "runs on it", live: onOverlay, persistent: onOverlay, expected: .live),
        Sample(testDescription: "runs on it, undefined", live: onOverlay, persistent: [], expected: .live),
        Sample(testDescription: "runs on it while pre was killed", step: .switching, live: onOverlay, expected: .live),
        Sample(testDescription: "lies below somebody's snapshot", live: below, persistent: below, expected: .live),
        Sample(
            testDescription: "runs on it alone: the base was pulled into it",
            live: [DiskChain(target: "vda", chain: ["/o/a.qcow2"])], expected: nil),
        Sample(
            testDescription: "runs on it over another base",
            live: [DiskChain(target: "vda", chain: ["/o/a.qcow2", "/x"])], expected: nil),
        Sample(testDescription: "is off", persistent: onOverlay, expected: .defined(above: nil)),
        Sample(
            testDescription: "is off, never written", persistent: onOverlay, overlay: .unwritten,
            expected: .defined(above: nil)),
        Sample(
            testDescription: "is off below a snapshot", persistent: below, expected: .defined(above: "/s/theirs.qcow2")),
        Sample(testDescription: "is off and its overlay lost", persistent: onOverlay, overlay: .missing, expected: nil),
        Sample(
            testDescription: "is off and its overlay no image", persistent: onOverlay, overlay: .unfinished,
            expected: nil),
        Sample(
            testDescription: "was detached until the next start", live: other, persistent: onOverlay,
            expected: .defined(above: nil)),
        Sample(testDescription: "was detached", live: other, persistent: other, expected: .orphan),
        Sample(testDescription: "was undefined", expected: .orphan),
        Sample(testDescription: "was undefined while it was released", step: .releasing, expected: .orphan),
        Sample(testDescription: "was undefined, overlay lost", overlay: .missing, expected: .free),
        Sample(
            testDescription: "was not made yet", step: .preparing, live: onBase, persistent: onBase, overlay: .missing,
            expected: .free),
        Sample(
            testDescription: "was half made", step: .preparing, live: onBase, persistent: onBase, overlay: .unfinished,
            expected: .free),
        Sample(
            testDescription: "was made", step: .preparing, live: onBase, persistent: onBase, overlay: .unwritten,
            expected: .free),
        Sample(
            testDescription: "was made, and libvirt did not switch", step: .switching, live: onBase, persistent: onBase,
            overlay: .unwritten, expected: .free),
        Sample(
            testDescription: "is no image after the switch", step: .switching, live: onBase, overlay: .unfinished,
            expected: nil),
        Sample(
            testDescription: "was pivoted by a killed release", step: .releasing, live: onBase, persistent: onBase,
            progress: .pivotRequested, isSameProcess: true, expected: .free),
        Sample(
            testDescription: "was to be pivoted, and another QEMU runs on its base", step: .releasing, live: onBase,
            persistent: onBase, progress: .pivotRequested, lead: 1, expected: nil),
        Sample(
            testDescription: "was seen to be committed", step: .releasing, live: onBase, persistent: onBase,
            progress: .committed, expected: .free),
        Sample(
            testDescription: "was committed by a killed release", step: .releasing, persistent: onBase,
            progress: .committed, expected: .free),
        Sample(
            testDescription: "was only to be released, and put back by hand", step: .releasing, persistent: onBase,
            expected: nil),
        Sample(
            testDescription: "was in the middle of its commit, and put back by hand", step: .releasing,
            persistent: onBase, progress: .committing, expected: nil),
        Sample(
            testDescription: "was only to be released, and was put back by hand and started", step: .releasing,
            live: onBase, persistent: onBase, isSameProcess: true, expected: nil),
        Sample(
            testDescription: "was only to be released, and runs on its base", step: .releasing, live: onBase,
            persistent: onOverlay, isSameProcess: true, expected: nil),
        Sample(
            testDescription: "runs on its base while its definition names it", live: onBase, persistent: onOverlay,
            expected: nil),
        Sample(
            testDescription: "runs on its base, never written", live: onBase, persistent: onOverlay,
            overlay: .unwritten, expected: .pivoted),
        Sample(
            testDescription: "was pivoted, and libvirtd was killed before it changed the definition", step: .releasing,
            live: onBase, persistent: onOverlay, progress: .pivotRequested, isSameProcess: true, expected: .pivoted),
        Sample(
            testDescription: "was committed, and started and written again", step: .releasing, persistent: onOverlay,
            progress: .committed, lead: -3, expected: .defined(above: nil)),
        Sample(
            testDescription: "was committed, started and written again, and undefined", step: .releasing,
            progress: .committed, lead: -3, expected: .orphan),
        Sample(
            testDescription: "was committed and undefined", step: .releasing, progress: .committed, lead: 1,
            expected: .free),
        Sample(
            testDescription: "was committed by qemu-img, killed before it changed the definition", step: .releasing,
            persistent: onOverlay, progress: .committed,
            baseAtRest: ImageStamp(boot: "b", modified: 1, inode: 1, bytes: 1, sectors: nil), lead: 3,
            expected: .defined(above: nil)),
        Sample(testDescription: "was undefined, never written", overlay: .unwritten, expected: .orphan),
        Sample(
            testDescription: "was half made, and found by a release that was killed", step: .preparing,
            persistent: onBase, overlay: .unfinished, expected: .free),
        Sample(
            testDescription: "is off after a pivot nobody saw, and the guest kept running on its base",
            step: .releasing,
            persistent: onOverlay, progress: .pivotRequested, lead: 6, expected: .pivoted),
        Sample(
            testDescription: "is off after a pivot nobody saw, and the guest kept running on its overlay",
            step: .releasing,
            persistent: onOverlay, progress: .pivotRequested, lead: 0, expected: .defined(above: nil)),
        Sample(
            testDescription: "is off after a pivot nobody saw, at that very moment", step: .releasing,
            persistent: onOverlay, progress: .pivotRequested, lead: 2, expected: nil),
        Sample(
            testDescription: "is off after a pivot nobody saw, on a volume, which has no time", step: .releasing,
            persistent: onOverlay, progress: .pivotRequested, expected: nil),
        Sample(
            testDescription: "is off in the middle of its commit", step: .releasing, persistent: onOverlay, lead: 60,
            expected: .defined(above: nil)),
        Sample(
            testDescription: "was undefined after a pivot nobody saw", step: .releasing, progress: .pivotRequested,
            lead: 6,
            expected: .free),
        Sample(
            testDescription: "was undefined at the moment of its pivot", step: .releasing, progress: .pivotRequested,
            lead: 1,
            expected: nil),
        Sample(
            testDescription: "is off after a commit that was begun anew and was copying", step: .releasing,
            persistent: onOverlay, progress: .undecided, lead: 60, expected: nil),
        Sample(
            testDescription: "was undefined after a commit that was begun anew and was copying", step: .releasing,
            progress: .undecided, lead: 60, expected: nil),
        Sample(
            testDescription: "was left by the QEMU that was frozen, after a commit that was begun anew",
            step: .releasing, live: onBase, persistent: onOverlay, progress: .undecided, lead: 60, isSameProcess: true,
            expected: .pivoted),
        Sample(
            testDescription: "was committed and undefined, on a volume, which has no time", step: .releasing,
            progress: .committed, expected: .orphan),
        Sample(
            testDescription: "was committed and undefined, on a volume that holds all of it", step: .releasing,
            progress: .committed, isContained: true, expected: .free),
        Sample(
            testDescription: "is off at the moment of its pivot, and its base holds all of it", step: .releasing,
            persistent: onOverlay, progress: .committed, isContained: true, expected: .pivoted),
        Sample(
            testDescription: "is off below a snapshot, and its base holds all of it", persistent: below,
            isContained: true, expected: .defined(above: "/s/theirs.qcow2")),
        Sample(testDescription: "was put back by hand", live: onBase, persistent: onBase, expected: nil),
        Sample(testDescription: "was put back by hand while off", persistent: onBase, expected: nil),
        Sample(
            testDescription: "was deleted by hand after that", live: onBase, persistent: onBase, overlay: .missing,
            expected: .free),
    ]

    @Test("is brought to its end without losing a write", arguments: samples)
    func finding(sample: Sample) {
        var disk = Self.disk
        disk.progress = sample.progress
        disk.baseAtRest = sample.baseAtRest
        let found = OverlayState.find(
            disk, step: sample.step, live: sample.live, persistent: sample.persistent, overlay: sample.overlay,
            lead: sample.lead.map { .seconds($0) }, isSameProcess: sample.isSameProcess,
            isContained: sample.isContained)
        if let expected = sample.expected {
            #expect(found == expected)
        } else if case .doubtful(let reason) = found {
            #expect(!reason.isEmpty)
        } else {
            Issue.record("\(found)")
        }
    }

    @Test(
        "takes the next step from whatever its block job has come to",
        arguments: [
            (nil, .startActiveCommit), (.running, .wait), (.ready, .pivot), (.pivoting, .wait), (.ending, .wait),
            (.foreign, .waitForOther),
        ] as [(DomainDisk.Mirror?, CommitStep)])
    func next(mirror: DomainDisk.Mirror?, expected: CommitStep) {
        var use = Self.onOverlay[0]
        use.mirror = mirror
        #expect(CommitStep.next(for: Self.disk, in: [use]) == expected)
    }

    @Test("is done once no disk has its overlay, and is committed in the middle where somebody's image is above")
    func nextWithoutJob() {
        #expect(CommitStep.next(for: Self.disk, in: Self.onBase) == .done)
        #expect(CommitStep.next(for: Self.disk, in: []) == .done)
        #expect(CommitStep.next(for: Self.disk, in: Self.below) == .startCommitBelow)
        var busy = Self.below[0]
        busy.mirror = .ready
        #expect(CommitStep.next(for: Self.disk, in: [busy]) == .waitForOther)
        let pulled = DiskChain(target: "vda", chain: ["/o/a.qcow2"])
        #expect(CommitStep.next(for: Self.disk, in: [pulled]) == .refuse("below its overlay is no image"))
    }

    /// virDomainState and its reasons, from libvirt-domain.h.
    @Test(
        "belongs to a domain that is known by its state and the reason for it",
        arguments: [
            (1, 1, .running), (2, 1, .running), (3, 1, .paused), (3, 5, .pausedByFailedWrite), (4, 1, .running),
            (5, 1, .off), (5, 2, .off), (5, 3, .off), (5, 4, .migratedAway), (5, 5, .saved), (5, 6, .off),
            (6, 1, .paused), (7, 1, .paused), (0, 0, .off),
        ] as [(Int32, Int32, DomainState)])
    func state(state: Int32, reason: Int32, expected: DomainState) {
        #expect(DomainState(libvirt: state, reason: reason) == expected)
    }
}
