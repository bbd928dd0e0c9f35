@testable import Hypervisor
@testable import LibvirtHypervisor

/// A disk that is frozen, written to, committed, pivoted, and interrupted at any moment; it knows by itself whether its
/// overlay holds what its base lacks.
struct DiskModel {
    private enum Place { case base, overlay }

    static let disk = HeldDisk(target: "vda", base: "/tank/a.raw", baseFormat: "raw", overlay: "/o/a.qcow2")

    private(set) var record = Self.disk
    private(set) var step = Hold.Step.preparing
    private(set) var content = OverlayContent.missing
    /// The truth.
    private(set) var isAhead = false
    private var running: Place? = .base
    private var defined: Place? = .base
    private var isSameProcess = true
    /// A block job of ours copies the overlay into the base; `isReady`: all is copied, and writes go to both.
    private var isCopying = false
    private var isReady = false
    private var now = 100
    private var (baseTime, overlayTime) = (0, 0)
    private let hasTimes: Bool
    private(set) var story: [String] = []

    init(hasTimes: Bool) { self.hasTimes = hasTimes }

    /// What a release would find.
    var finding: DiskFinding {
        func uses(_ place: Place?) -> [DiskUse] {
            switch place {
            case nil: []
            case .base: [DiskUse(target: "vda", chain: [Self.disk.base])]
            case .overlay: [DiskUse(target: "vda", chain: [Self.disk.overlay, Self.disk.base])]
            }
        }
        return DiskFinding.find(
            record, step: step, live: running.map(uses), persistent: uses(defined), overlay: content,
            lead: hasTimes ? .seconds(baseTime - overlayTime) : nil, isSameProcess: running != nil && isSameProcess)
    }

    mutating func act(_ action: UInt8) {
        now += 1 + Int(action >> 5)
        let before = story.count
        switch action % 18 {
        case 0: makeOverlay()
        case 1: moveToOverlay()
        case 2: guestWrites()
        case 3: beginCommit()
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
        (running, defined) = (.overlay, .overlay)
        story.append("moved to overlay")
    }

    private mutating func guestWrites() {
        switch running {
        case nil: return
        case .base: baseTime = now
        case .overlay:
            (content, overlayTime) = (.written, now)
            if isReady { baseTime = now } else { isAhead = true }
        }
        story.append("guest writes")
    }

    /// As `LeavingOverlays.begin` and `LiveCommit` do, which act on what was found.
    private mutating func beginCommit() {
        guard step == .held || step == .releasing, finding == .live, !isCopying else { return }
        step = .releasing
        // A pivot asked for before has not come to pass: QEMU takes the overlay for the disk's top. Recorded a moment
        // after the commit began (LiveCommit.take), which is taken for one moment here.
        record.progress = .committing
        isCopying = true
        story.append("commit began")
    }

    private mutating func copySome() {
        guard isCopying, !isReady else { return }
        baseTime = now
        story.append("a part was copied")
    }

    private mutating func copyRest() {
        guard isCopying, !isReady else { return }
        isReady = true
        isAhead = false
        baseTime = now
        story.append("all was copied")
    }

    private mutating func askForPivot() {
        guard isReady else { return }
        record.progress = .pivotRequested
        story.append("pivot asked for")
    }

    /// libvirtd may be killed before it changes the definition: see `loseJob` and `defineBase`.
    private mutating func pivot() {
        guard isReady, record.progress == .pivotRequested, running == .overlay else { return }
        (isCopying, isReady, running) = (false, false, .base)
        if now % 2 == 0, defined != nil { defined = .base }
        story.append("pivoted")
    }

    private mutating func seePivot() {
        guard running == .base, record.progress == .pivotRequested, isSameProcess else { return }
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
        (isCopying, isReady, running) = (false, false, nil)
        story.append("stopped")
    }

    private mutating func start() {
        guard running == nil, let defined else { return }
        // An overlay that is not there keeps the VM from starting.
        guard defined == .base || content == .unwritten || content == .written else { return }
        (running, isSameProcess) = (defined, false)
        story.append("started")
    }

    /// What a libvirtd that was only slow does after a pivot. By hand, nothing of it is ours to know.
    private mutating func defineBase() {
        guard running == .base, isSameProcess, defined == .overlay else { return }
        defined = .base
        story.append("base defined")
    }

    private mutating func undefine() {
        // On a volume, which has no time, nothing tells whether it was started from the overlay again before.
        guard defined != nil, hasTimes else { return }
        defined = nil
        story.append("undefined")
    }

    private mutating func commitOffline() {
        guard running == nil, case .defined = finding else { return }
        step = .releasing
        record.progress = .committing
        baseTime = now
        isAhead = false
        story.append("committed by qemu-img")
    }

    private mutating func seeOfflineCommit() {
        guard running == nil, record.progress == .committing, !isAhead, story.last?.hasPrefix("committed by") == true
        else { return }
        record.progress = .committed
        record.baseAtRest = ImageStamp(boot: "b", modified: Int64(baseTime), inode: 1, bytes: 1, sectors: nil)
        story.append("commit seen")
    }
}

/// Never "free", nor "back on its base already", while the overlay holds what the base lacks.
func fuzzDiskFinding(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var model = DiskModel(hasTimes: first & 1 == 0)
    for action in bytes.dropFirst() {
        model.act(action)
        guard model.isAhead else { continue }
        let finding = model.finding
        invariant(
            finding != .free && finding != .pivoted,
            "\(finding), and the overlay is ahead: \(model.story.joined(separator: ", ")); "
                + "progress \(String(describing: model.record.progress))")
    }
}
