import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator

@Suite("An example of one KVM host")
struct ExampleCheckTests {
    private static let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/examples"

    @Test(
        "passes the check on a host as it is for, with its lines in sanoid.conf",
        arguments: ["local-kvm.conf", "with-ram.conf", "strict-production.conf", "rules.conf", "unattended.conf"])
    func passes(_ name: String) async throws {
        try await withBench { bench, host async throws in
            let example = String(decoding: try readFile("\(Self.folder)/\(name)"), as: UTF8.self)
            try prepare(host, bench, example)
            bench.has(
                host.machine("web", host.disk("vda", "tank/VM/production/web.raw")),
                host.machine("shop", host.disk("vda", "tank/VM/shop.raw")),
                host.machine("db1", host.disk("vda", "tank/VM/lab/db1.raw")),
                host.machine("db-1", host.disk("vda", "tank/VM/lab/db-1.raw")),
                host.machine("build-1", host.disk("vda", "tank/VM/build-1.raw")),
                host.machine("ci-runner-7", host.disk("vda", "tank/VM/lab/ci.raw")),
                VirtualMachine(
                    id: "c0ffee00-0000-4000-8000-000000000001", name: "ledger", power: .running,
                    disks: [host.disk("vda", "tank/VM/production/ledger.raw")]))
            let context = bench.context()
            let configuration = try bench.configuration
            let report = try await PreflightCheck(
                configuration: configuration, context: context, hypervisors: Hypervisors(configuration, context)
            ).run()
            #expect(report.lines(.problem) == [])
            #expect(report.facts.contains("local: 7 VMs"))
        }
    }

    /// A host with the datasets and folders of the examples.
    private func prepare(_ host: HostFixture, _ bench: HookBench, _ example: String) throws {
        let path = host.scratch.path
        let mounts = String(decoding: try readFile("\(path)/proc/self/mountinfo"), as: UTF8.self)
        let device = try #require(mounts.split(separator: "\n").last?.split(separator: " ").dropFirst(2).first)
        var more = ""
        for (index, name) in ["tank/VM/production", "tank/VM/lab"].enumerated() {
            try host.scratch.folder(name)
            more += "\(20 + index) 3 \(device) / \(path)/\(name) rw - zfs \(name) rw\n"
        }
        try host.scratch.write("proc/self/mountinfo", mounts + more)
        let existing = String(decoding: try readFile("\(path)/existing"), as: UTF8.self)
        try host.scratch.write("existing", existing + "tank/VM/production\ntank/VM/lab\n")
        for folder in ["ram", "cold", "metrics"] { try host.scratch.folder(folder) }
        let lines = example.split(separator: "\n", omittingEmptySubsequences: false)
        let sanoid = lines.drop { !$0.hasPrefix("# /etc/sanoid/sanoid.conf") }.dropFirst()
            .prefix { $0 == "#" || $0.hasPrefix("#     ") }
        for hook in ["pre", "post", "prune"] {
            try host.scratch.write("hooks/\(hook)-snapshot", "#!/bin/sh\n", mode: 0o755)
        }
        try host.scratch.write(
            "sanoid/sanoid.conf",
            sanoid.map { $0.dropFirst(6) + "\n" }.joined().replacing("/usr/lib/stillpoint/", with: "\(path)/hooks/"))
        let text = example.replacing("= /var/lib/libvirt/stillpoint", with: "= \(path)/overlays")
            .replacing("= /cold/ram", with: "= \(path)/cold")
            .replacing("= /var/lib/prometheus/node-exporter/", with: "= \(path)/metrics/")
            .replacing("[stillpoint]\n", with: "[stillpoint]\nstate_dir = \(path)/state\nsanoid_dir = \(path)/sanoid\n")
        try bench.reconfigure { _ in "\(text)\n[hypervisor local]\nkind = fake\nuri = \(bench.world.uri)\n" }
    }
}
