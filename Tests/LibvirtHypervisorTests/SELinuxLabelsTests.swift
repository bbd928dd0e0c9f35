import Hypervisor
import Support
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("The labels of overlays on a host with SELinux")
struct SELinuxLabelsTests {
    private func labels(_ scratch: ScratchFolder, enforce: String?, options: String) throws -> SELinuxLabels {
        let roots = SystemRoots(proc: try scratch.folder("proc"), sys: try scratch.folder("sys"))
        if let enforce { try scratch.write("sys/fs/selinux/enforce", enforce) }
        try scratch.folder("overlays")
        try scratch.write(
            "proc/self/mountinfo",
            """
            1 0 8:1 / / rw - ext4 /dev/sda1 rw,seclabel
            11 1 0:40 / \(scratch.path)/overlays rw,nosuid shared:3 - nfs4 nas:/o \(options)

            """)
        return SELinuxLabels(roots: roots)
    }

    @Test(
        "are missed only where SELinux is enforcing and the file system has none of its own",
        arguments: [
            (nil, "rw", false, false), ("0", "rw", false, true), ("1", "rw", true, false),
            ("1", "rw,seclabel", false, true),
            ("1", "rw,vers=4.2,seclabel,addr=1.2.3.4", false, true),
            ("1", "rw,context=system_u:object_r:nfs_t:s0", true, false),
            ("1", "rw,noseclabel", true, false),
        ] as [(String?, String, Bool, Bool)])
    func finding(enforce: String?, options: String, isFound: Bool, isNoted: Bool) throws {
        try withScratchFolder { scratch in
            let labels = try labels(scratch, enforce: enforce, options: options)
            let overlays = scratch.path + "/overlays"
            let finding = labels.finding(overlays)
            #expect((finding?.code == .labelsMissing) == isFound)
            #expect((finding?.code == .selinuxInForce) == isNoted)
            if let finding, isFound {
                for part in ["SELinux", "overlay_dir \(overlays)", "nfs4"] {
                    #expect(finding.what.contains(part))
                }
            }
        }
    }

    @Test("are not missed in a folder that is not there, which is told elsewhere")
    func missing() throws {
        try withScratchFolder { scratch in
            let labels = try labels(scratch, enforce: "1", options: "rw")
            #expect(labels.finding(scratch.path + "/none")?.code != .labelsMissing)
        }
    }
}
