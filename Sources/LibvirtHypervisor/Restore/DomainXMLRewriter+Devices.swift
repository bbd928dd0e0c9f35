internal import XMLTree

extension DomainXMLRewriter {
    /// Takes from a device what two VMs on one host cannot share.
    func separate(_ device: inout XMLElement, as identity: CloneIdentity) {
        switch device.name {
        case "interface": separateInterface(&device, identity)
        case "graphics": separateGraphics(&device)
        case "serial", "console", "parallel", "channel": separateCharacterDevice(&device, identity)
        case "vsock": separateVsock(&device)
        case "tpm": separateTPM(&device)
        default: break
        }
    }

    private func separateInterface(_ interface: inout XMLElement, _ identity: CloneIdentity) {
        interface.change("mac") { mac in
            if let new = mac["address"].flatMap({ identity.macs[$0.lowercased()] }) { mac["address"] = new }
        }
        // libvirt makes a tap device of its own; one that exists already was made by somebody for this VM.
        interface.remove("target") { $0["managed"] != "no" }
        interface.change("source") { $0["portid"] = nil }
        // Open vSwitch knows a port by it; libvirt makes up a new one where none is given.
        interface.change("virtualport") { port in
            port.change("parameters") {
                $0["interfaceid"] = nil
                $0["instanceid"] = nil
            }
        }
    }

    private func separateGraphics(_ graphics: inout XMLElement) {
        guard ["vnc", "spice", "rdp"].contains(graphics["type"]) else { return }
        let hadSocket = graphics["socket"] != nil
        graphics["socket"] = nil
        graphics.change("listen") { $0["socket"] = nil }
        if graphics.first("listen")?["type"] == "socket" { return }
        // Never from a socket to a port, where others could reach it.
        guard !hadSocket else { return graphics.put(XMLElement("listen", ["type": "socket"])) }
        graphics["port"] = "-1"
        graphics["autoport"] = "yes"
        for port in ["tlsPort", "websocket"] where graphics[port] != nil { graphics[port] = "-1" }
    }

    private func separateCharacterDevice(_ device: inout XMLElement, _ identity: CloneIdentity) {
        let type = device["type"]
        if type == "unix" {
            device.remove("source") { $0["path"].map(isMadeByLibvirt) ?? false }
        }
        device.change("source") { source in
            let isWritten = type == "file" || type == "unix" && source["mode"] == "bind"
            if isWritten, let path = source["path"] { source["path"] = identity.ownFile(path) }
        }
        device.change("log") { log in
            if let path = log["file"] { log["file"] = identity.ownFile(path) }
        }
    }

    /// Its own defaults contain the domain's name or number (qemuDomainChrDefDropDefaultPath drops them too, but knows
    /// only the present layout).
    private func isMadeByLibvirt(_ path: String) -> Bool {
        ["/var/lib/libvirt/qemu/", "/run/libvirt/qemu/", "/var/run/libvirt/qemu/"].contains {
            path.hasPrefix($0 + "channel/")
        }
    }

    /// A context id is one VM's on a host.
    private func separateVsock(_ vsock: inout XMLElement) {
        vsock.change("cid") { cid in
            cid["auto"] = "yes"
            cid["address"] = nil
        }
    }

    /// Its state is where libvirt puts it by default, in a folder of the new UUID.
    private func separateTPM(_ tpm: inout XMLElement) {
        tpm.change("backend") { if $0["type"] == "emulator" { $0.remove("source") } }
    }
}

extension CloneIdentity {
    /// A file of the new VM's own for one that the original writes. Twice is once.
    func ownFile(_ path: String) -> String {
        let ending = "." + fileWord
        return path.hasSuffix(ending) ? path : path + ending
    }
}
