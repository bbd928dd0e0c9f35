import Testing

extension RealParts {
    @Suite("No durable write is lost")
    struct DurabilityTests {
        @Test("After 20 cycles under writing every record that the guest knew to be durable is there")
        func twentyCycles() async throws {
            let guest = Stage.Guest(name: "writer", disks: 2)
            try await Stage.with("durable", [guest]) { stage in
                for cycle in 1...20 {
                    let snapshot = "\(stage.dataset)@c\(cycle)"
                    try await need(
                        """
                        set -e
                        \(stage.lab.preSnapshot) \(snapshot); zfs snapshot \(snapshot); \(stage.lab.postSnapshot) \(snapshot)
                        """)
                }
                try await stage.expectNothingLeft()
                for target in guest.targets {
                    let known = try await stage.durable(guest, target)
                    #expect(known > 100)
                    if target == guest.targets.last { try await need("virsh destroy \(guest.name)") }
                    let found = try await need("\(stage.lab.program) records \(stage.image(guest, target))")
                    #expect(Int(found) ?? 0 >= known)
                }
            }
        }

        @Test("A disk that is a volume of a storage pool is quiesced, and is on its volume again afterwards")
        func volume() async throws {
            let guest = Stage.Guest(name: "pooled", options: "--no-start")
            try await Stage.with("pooled", [guest]) { stage in
                let image = stage.image(guest, "vda")
                try await need(
                    """
                    set -e; s=\(stage.dataset)@a
                    virsh -q pool-create-as pooled dir --target /\(stage.dataset)
                    virsh dumpxml pooled | sed "s#<disk type='file'#<disk type='volume'#; \
                        s#<source file='\(image)'/>#<source pool='pooled' volume='pooled-vda.raw'/>#" > \(stage.lab.folder)/pooled.xml
                    virsh -q define \(stage.lab.folder)/pooled.xml; virsh -q start pooled; \(stage.lab.program) wait pooled
                    virsh dumpxml pooled | grep -q "volume='pooled-vda.raw'"
                    \(stage.lab.preSnapshot) $s; zfs snapshot $s; \(stage.lab.postSnapshot) $s
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "pooled=quiesced")
                try await stage.expectConsistency(of: "\(stage.dataset)@a", quiesced: ["pooled"])
                let after = try await need("virsh dumpxml pooled")
                #expect(after.contains("volume='pooled-vda.raw'") || after.contains("file='\(image)'"))
                #expect(!after.contains(stage.lab.overlays))
                #expect(try await need("ls -A \(stage.lab.overlays) \(stage.lab.runs)").contains("pooled") == false)
                try await need("virsh -q destroy pooled; virsh -q pool-destroy pooled")
            }
        }

        @Test("A qcow2 image with a backing file gets its writes back without being flattened")
        func backingChain() async throws {
            let guest = Stage.Guest(name: "chain", options: "--no-start")
            try await Stage.with("chain", [guest]) { stage in
                let base = stage.image(guest, "vda")
                let top = "/\(stage.dataset)/chain top, 1.qcow2"
                try await need(
                    """
                    set -e
                    qemu-img create -q -f qcow2 -F raw -b \(base) \(quoted(top))
                    virsh dumpxml chain | sed "s#\(base)#\(top)#; s#type='raw'#type='qcow2'#" > \(stage.lab.folder)/chain.xml
                    virsh -q define \(stage.lab.folder)/chain.xml; virsh -q start chain; \(stage.lab.program) wait chain
                    \(stage.lab.preSnapshot) \(stage.dataset)@a; zfs snapshot \(stage.dataset)@a
                    \(stage.lab.postSnapshot) \(stage.dataset)@a
                    """)
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a") == "chain=quiesced")
                let xml = try await need("virsh dumpxml chain")
                #expect(xml.contains("<source file='\(top)' index="))
                #expect(xml.contains("<source file='\(base)'/>") || xml.contains("<source file='\(base)' index="))
                let known = try await stage.durable(guest, "vda")
                try await need("virsh destroy chain")
                #expect(Int(try await need("\(stage.lab.program) records \(quoted(top))")) ?? 0 >= known)
                try await stage.expectNothingLeft()
            }
        }
    }
}
