@testable import Hypervisor
@testable import LibvirtHypervisor

/// A disk that is frozen, written to, committed, pivoted, and interrupted at any moment; it knows itself whether its
/// overlay holds what its base lacks.
struct DiskModel {
    private enum Place { case base, overlay }

    static let disk = OverlayDisk(target: "vda", base: "/tank/a.raw", baseFormat: "raw", overlay: "/o/a.qcow2")

    private(set) var record = Self.disk
    private(set) var step = FreezeState.Step.preparing
    private(set) var content = OverlayContent.missing
    /// The truth.
    private(set) var isAhead = false
    /// The truth the other way round: the guest wrote to the base what the overlay lacks.
    private(set) var isBehind = false
    private var running: Place? = .base
    /// libvirt shows the overlay still: it was killed in the middle of the pivot.
    private var isBlind = false
    /// A commit is to be begun; nil: none. With what was known before.
    private var request: OverlayDisk.Progress??
    private var defined: Place? = .base
    private var isSameProcess = true
    /// A block job of ours copies the overlay into the base; `isReady`: all is copied, and writes go to both.
    private var isCopying = false
    private var isReady = false
    private var now = 100
    private var (baseTime, overlayTime) = (0, 0)
    private var boot = 0
    /// Written to the base since the host was started.
    private var sectors = 0
    private let hasTimes: Bool
    private(set) var story: [String] = []

    init(hasTimes: Bool) { self.hasTimes = hasTimes }

    /// What a release would find.
    var finding: OverlayState {
        func uses(_ place: Place?) -> [DiskChain] {
            switch place {
            case nil: []
            case .base: [DiskChain(target: "vda", chain: [Self.disk.base])]
            case .overlay: [DiskChain(target: "vda", chain: [Self.disk.overlay, Self.disk.base])]
            }
        }
        return OverlayState.find(
            record, step: step, live: running.map { uses(isBlind ? .overlay : $0) }, persistent: uses(defined),
            overlay: content,
            lead: lead, isSameProcess: running != nil && isSameProcess)
    }

    /// Whether a release would have qemu-img commit the overlay, whatever the base has come to.
    var wouldCommit: Bool {
        switch finding {
        case .defined, .orphan:
            return BaseWriteHistory.doubt(record, now: baseStamp, lead: lead, moved: nil, isNamed: finding != .orphan)
                == nil
        case .free, .live, .pivoted, .doubtful: return false
        }
    }

    private var baseStamp: ImageStamp {
        hasTimes
            ? ImageStamp(boot: "\(boot)", modified: Int64(baseTime), inode: 1, bytes: 1, sectors: nil)
            : ImageStamp(boot: "\(boot)", modified: nil, inode: nil, bytes: nil, sectors: UInt64(sectors))
    }

    private var lead: Duration? { hasTimes ? .seconds(baseTime - overlayTime) : nil }

    mutating func act(_ action: UInt8) {
        now += 1 + Int(action >> 5)
        let before = story.count
        switch action % 21 {
        case 0: makeOverlay()
        case 1: moveToOverlay()
        case 2: guestWrites()
        case 3: requestCommit()
        case 4: copyRest()
        case 5: askForPivot()
        case 6: pivot()
        case 7: seePivot()
        case 8: loseJob()
        case 9: stop()
        case 10: start()
        case 11: defineBase()
        case 12: commitOffline()
        case 13: seeOfflineCommit()
        case 14: copySome()
        case 15: undefine()
        case 16: commitBegins()
        case 17: seeBegin()
        case 18: killHook()
        case 19: beat()
        case 20: cutPower()
        default: break
        }
        if story.count > before { story[before] += " at \(now)" }
    }

    private mutating func makeOverlay() {
        guard step == .preparing, content == .missing || content == .unfinished else { return }
        content = content == .missing ? .unfinished : .unwritten
        overlayTime = now
        story.append("overlay made")
    }

    private mutating func moveToOverlay() {
        guard step == .preparing, content == .unwritten, running == .base, isSameProcess else { return }
        step = .held
        (running, defined, isBehind) = (.overlay, .overlay, false)
        record.baseAtRest = baseStamp
        story.append("moved to overlay")
    }

    private mutating func guestWrites() {
        switch running {
        case nil: return
        case .base: (baseTime, sectors, isBehind) = (now, now, true)
        case .overlay:
            (content, overlayTime) = (.written, now)
            if isReady { (baseTime, sectors) = (now, now) } else { isAhead = true }
        }
        story.append("guest writes")
    }

    /// As `OverlayCommit.begin` and `LiveCommit.start` do, which act on what was found.
    private mutating func requestCommit() {
        guard step == .held || step == .releasing, finding == .live, !isCopying, request == nil else { return }
        step = .releasing
        request = .some(record.progress)
        record.progress = record.progress?.allowsPivot == true ? .undecided : .committing
        story.append("commit asked for")
    }

    private mutating func commitBegins() {
        guard request != nil, running == .overlay, !isCopying else { return }
        isCopying = true
        story.append("commit began")
    }

    /// QEMU has taken the overlay for the disk's top, or refused to, as it is on its base; see `LiveCommit.start`.
    private mutating func seeBegin() {
        guard let before = request, running != nil else { return }
        if isCopying {
            record.progress = .committing
            story.append("commit seen to begin")
        } else if running == .base, isSameProcess {
            record.progress = before ?? record.progress
            story.append("commit refused")
        } else {
            return
        }
        request = nil
    }

    private mutating func killHook() {
        guard request != nil else { return }
        request = nil
        story.append("hook killed")
    }

    /// `CommitHeartbeat`.
    private mutating func beat() {
        guard isCopying, record.progress == .committing else { return }
        overlayTime = now
    }

    private mutating func copySome() {
        guard isCopying, !isReady else { return }
        (baseTime, sectors) = (now, now)
        story.append("a part was copied")
    }

    private mutating func copyRest() {
        guard isCopying, !isReady else { return }
        isReady = true
        isAhead = false
        (baseTime, sectors) = (now, now)
        story.append("all was copied")
    }

    private mutating func askForPivot() {
        guard isReady, request == nil else { return }
        record.progress = .pivotRequested
        story.append("pivot asked for")
    }

    /// libvirtd may be killed before it changes the definition: see `loseJob` and `defineBase`.
    private mutating func pivot() {
        guard isReady, record.progress == .pivotRequested, running == .overlay else { return }
        isBlind = defined == .overlay && now % 3 == 0
        (isCopying, isReady, running) = (false, false, .base)
        if !isBlind, now % 2 == 0, defined != nil { defined = .base }
        story.append("pivoted")
    }

    private mutating func seePivot() {
        guard running == .base, !isBlind, record.progress?.allowsPivot == true, isSameProcess else { return }
        record.progress = .committed
        story.append("pivot seen")
    }

    private mutating func loseJob() {
        guard isCopying else { return }
        (isCopying, isReady) = (false, false)
        story.append("job lost")
    }

    private mutating func stop() {
        guard running != nil else { return }
        (isCopying, isReady, running, isBlind, request) = (false, false, nil, false, nil)
        story.append("stopped")
    }

    /// What was written is on the disks: a cut that loses something loses it of the base and of the overlay alike.
    private mutating func cutPower() {
        (isCopying, isReady, running, isBlind, request) = (false, false, nil, false, nil)
        boot += 1
        sectors = 0
        story.append("power cut")
    }

    private mutating func start() {
        guard running == nil, let defined else { return }
        // An overlay that is not there keeps the VM from starting.
        guard defined == .base || content == .unwritten || content == .written else { return }
        (running, isSameProcess) = (defined, false)
        // What the base alone has is lost to the guest then, whatever a release does.
        if defined == .overlay { isBehind = false }
        story.append("started")
    }

    /// What a libvirtd that was only slow does after a pivot. By hand, nothing of it is ours to know.
    private mutating func defineBase() {
        guard running == .base, !isBlind, isSameProcess, defined == .overlay else { return }
        defined = .base
        story.append("base defined")
    }

    private mutating func undefine() {
        guard defined != nil else { return }
        defined = nil
        story.append("undefined")
    }

    private mutating func commitOffline() {
        guard running == nil, wouldCommit else { return }
        step = .releasing
        record.progress = .committing
        (baseTime, sectors) = (now, now)
        isAhead = false
        story.append("committed by qemu-img")
    }

    private mutating func seeOfflineCommit() {
        guard running == nil, record.progress == .committing, !isAhead, story.last?.hasPrefix("committed by") == true
        else { return }
        record.progress = .committed
        record.baseAtRest = baseStamp
        story.append("commit seen")
    }
}

/// Never "free", nor "back on its base already", while the overlay holds what the base lacks; nor committed by qemu-img
/// while the base holds what the overlay lacks.
func fuzzDiskFinding(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var model = DiskModel(hasTimes: first & 1 == 0)
    for action in bytes.dropFirst() {
        model.act(action)
        let story = {
            "\(model.story.joined(separator: ", ")); progress \(String(describing: model.record.progress))"
        }
        if model.isAhead {
            let finding = model.finding
            invariant(finding != .free && finding != .pivoted, "\(finding), and the overlay is ahead: \(story())")
        }
        if model.isBehind {
            invariant(!model.wouldCommit, "\(model.finding), and the base is ahead: \(story())")
        }
    }
}
