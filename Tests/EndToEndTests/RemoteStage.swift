import Testing

/// A second libvirtd in a mount namespace of its own: it sees a stage's dataset at another path and not at ours, and its
/// overlays' folder is one that nobody else sees. So it is to Stillpoint what another host is, but for the network.
struct RemoteStage: Sendable {
    let stage: Stage
    let guest: String
    let disks: Int
    private let process: String

    private var lab: Lab { stage.lab }
    private var root: String { lab.folder + "/far" }
    /// The dataset and the overlays' folder, as the libvirtd calls them.
    var there: String { root + "/vmstore" }
    var overlays: String { root + "/overlays" }
    var uri: String { "qemu+unix:///system?socket=\(root)/run/libvirt-sock" }
    var virsh: String { "virsh -q -c '\(uri)'" }
    /// Bash: what follows has the second libvirtd for its own.
    var environment: String { "export LIBVIRT_DEFAULT_URI='\(uri)'" }
    /// The guest's disk, as we call it.
    var image: String { "/\(stage.dataset)/\(guest)-vda.raw" }

    var configuration: String { configuration() }

    func configuration(overlays: String? = nil, lines: String = "") -> String {
        """
        \(lines)
        [hypervisor near]
        [hypervisor far]
        uri = \(uri)
        path_map = \(there)=/\(stage.dataset)
        path_map = /nowhere=/\(stage.dataset)2
        overlay_dir = \(overlays ?? self.overlays)
        """
    }

    /// Starts the libvirtd and its guest beside the stage's own, runs the body, and takes all down, also after a failure.
    static func with(
        _ name: String, _ near: [Stage.Guest] = [], guest: String, disks: Int = 1,
        _ body: (RemoteStage) async throws -> Void
    ) async throws {
        try await Stage.with(name, near) { stage in
            let process = try await need(start(stage))
            let remote = RemoteStage(stage: stage, guest: guest, disks: disks, process: process)
            do {
                try await remote.startGuest()
                try await stage.set(remote.configuration)
                try await body(remote)
            } catch {
                await remote.takeDown()
                throw error
            }
            await remote.takeDown()
        }
    }

    /// - Returns: Bash that prints the process that holds the namespace.
    private static func start(_ stage: Stage) -> String {
        """
        set -e; far=\(stage.lab.folder)/far; rm -rf $far
        for d in etc cache lib log run vmstore overlays hidden; do install -d -m 0711 $far/$d; done
        cp -a /etc/libvirt/. $far/etc; rm -rf $far/etc/qemu; cp -a /var/cache/libvirt/. $far/cache
        far=$far unshare --mount --propagation private --net bash -ec '
            mount --bind /\(stage.dataset) $far/vmstore; mount --bind $far/hidden $far/overlays
            umount --recursive --lazy /\(stage.lab.pool)
            for d in etc/libvirt:etc var/cache/libvirt:cache var/lib/libvirt:lib var/log/libvirt:log run/libvirt:run; do
                mount --bind $far/${d#*:} /${d%:*}
            done
            libvirtd -d -p $far/pid; exec sleep infinity' >$far/said 2>&1 </dev/null &
        for i in $(seq 200); do
            virsh -q -c "qemu+unix:///system?socket=$far/run/libvirt-sock" list >/dev/null 2>&1 && break; sleep 0.1
        done
        echo $!
        """
    }

    private func startGuest() async throws {
        try await need(
            """
            set -e; \(environment)
            \(lab.program) guest \(guest) --dataset \(stage.dataset.split(separator: "/").last ?? "") --disks \(disks) --no-start
            virsh -q undefine \(guest)
            sed -i 's#/\(stage.dataset)/#\(there)/#' \(lab.folder)/\(guest).xml
            virsh -q define \(lab.folder)/\(guest).xml; virsh -q start \(guest); \(lab.program) wait \(guest)
            """)
    }

    /// Bash: the libvirtd dies, and its guest lives on.
    var kill: String {
        "pid=$(< \(root)/pid); kill -9 $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done"
    }

    /// Bash: another one takes its place.
    var restart: String {
        """
        nsenter --mount --net --target \(process) libvirtd -d -p \(root)/pid
        for i in $(seq 200); do \(virsh) list >/dev/null 2>&1 && break; sleep 0.1; done
        """
    }

    /// Bash: its process.
    var daemon: String { "$(< \(root)/pid)" }

    /// A folder there on a file system of its own, with less room than two overlays need.
    func fullFolder() async throws -> String {
        try await need(
            "mkdir -p \(root)/full; nsenter --mount --target \(process) mount -t tmpfs -o size=6m tmpfs \(root)/full")
        return root + "/full"
    }

    private func takeDown() async {
        _ = try? await shell(
            """
            \(virsh) destroy \(guest); \(virsh) undefine --snapshots-metadata \(guest)
            \(kill); kill -9 \(process); sleep 0.2; rm -rf \(root)
            """)
    }

    // MARK: what must hold

    /// The guest's disks as its libvirtd shows them.
    func sources() async throws -> [String] {
        try await need("\(virsh) domblklist \(guest) | awk 'NF { print $2 }'").split(separator: "\n").map(String.init)
    }

    /// What is in the overlays' folder, which only the other namespace has.
    func overlayFiles() async throws -> [String] {
        try await need("ls -A \(root)/hidden").split(separator: "\n").map(String.init)
    }

    /// The guest writes to its own disk, and nothing of a run is left, there or here.
    func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let own = ["vda", "vdb"].prefix(disks).map { "\(there)/\(guest)-\($0).raw" }
        #expect(try await sources() == own, sourceLocation: sourceLocation)
        let inactive = try await need("\(virsh) dumpxml --inactive \(guest)")
        #expect(!inactive.contains(overlays), sourceLocation: sourceLocation)
        #expect(try await overlayFiles().isEmpty, sourceLocation: sourceLocation)
        let snapshots = try await need("\(virsh) snapshot-list --name \(guest)")
        #expect(snapshots.allSatisfy { $0.isWhitespace }, sourceLocation: sourceLocation)
        try await stage.expectNothingLeft(sourceLocation: sourceLocation)
    }

    /// Shuts the guest down: its disk is whole, and has all that it was told to be durable.
    func expectNoLostWrite(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let durable = Int(try await need("\(lab.program) durable \(guest) vda")) ?? 0
        try await shutDown()
        #expect(try await shell("\(lab.program) clean-fs \(image)").status == 0, sourceLocation: sourceLocation)
        let records = Int(try await need("\(lab.program) records \(image)")) ?? 0
        #expect(durable > 0 && records >= durable, sourceLocation: sourceLocation)
    }

    func shutDown() async throws {
        try await need(
            """
            \(virsh) shutdown \(guest)
            for i in $(seq 100); do [ "$(\(virsh) domstate \(guest))" = 'shut off' ] && exit; sleep 0.1; done; exit 1
            """)
    }
}
