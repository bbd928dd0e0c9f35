internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import XMLTree

extension Domain {
    /// The name it has now.
    var name: String {
        library.functions.virDomainGetName(pointer).map { String(cString: $0) } ?? ""
    }

    /// The UUID as text.
    func uuid() throws -> String {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(VIR_UUID_STRING_BUFLEN)) { buffer in
            guard let text = buffer.baseAddress, library.functions.virDomainGetUUIDString(pointer, text) == 0 else {
                throw library.lastError("asking for the UUID")
            }
            return String(cString: text)
        }
    }

    /// Its XML with passwords: what it will start from next time, or what it runs on now.
    ///
    /// A transient domain has no other definition than the live one, which comes without what will not outlast it.
    func document(live: Bool) throws -> XMLElement {
        let flags = VIR_DOMAIN_XML_SECURE.rawValue | (live ? 0 : VIR_DOMAIN_XML_INACTIVE.rawValue)
        guard let text = library.functions.virDomainGetXMLDesc(pointer, flags) else {
            throw library.lastError("reading the definition")
        }
        defer { free(text) }
        return try XMLElement.parse(String(cString: text))
    }

    /// Whether it is defined, and not gone once it is off (virDomainIsPersistent).
    func isPersistent() throws -> Bool {
        let answer = library.functions.virDomainIsPersistent(pointer)
        guard answer >= 0 else { throw library.lastError("asking whether it is defined") }
        return answer == 1
    }

    /// Ends it at once (virDomainDestroy); fine when it is off or gone.
    func destroy() throws {
        guard library.functions.virDomainDestroy(pointer) == 0 else {
            let error = library.lastError("switching it off")
            if error.isNoSuchDomain { return }
            if error.number == Int32(VIR_ERR_OPERATION_INVALID.rawValue), try power() == .off { return }
            throw error
        }
    }

    /// How a guest is asked to shut down.
    enum ShutdownWay: String {
        case agent
        /// ACPI's.
        case powerButton = "power button"
    }

    /// Asks the guest to shut down, and does not wait until it has (virDomainShutdownFlags).
    func shutDown(by way: ShutdownWay) throws {
        let flag =
            switch way {
            case .agent: VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
            case .powerButton: VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
            }
        guard library.functions.virDomainShutdownFlags(pointer, flag.rawValue) == 0 else {
            throw library.lastError("asking the guest to shut down (\(way.rawValue))")
        }
    }

    /// Starts it (virDomainCreateWithFlags).
    func start(paused: Bool) throws {
        let flags = paused ? VIR_DOMAIN_START_PAUSED.rawValue : 0
        guard library.functions.virDomainCreateWithFlags(pointer, flags) == 0 else {
            throw library.lastError("starting it")
        }
    }

    /// Resumes a paused domain (virDomainResume).
    func resume() throws {
        guard library.functions.virDomainResume(pointer) == 0 else {
            throw library.lastError("resuming it")
        }
    }

    /// Takes the network links of a running domain down.
    func takeLinksDown() throws {
        let interfaces = try document(live: true).first("devices")?.children(named: "interface") ?? []
        for var interface in interfaces {
            interface.put(XMLElement("link", ["state": "down"]))
            let flags = VIR_DOMAIN_AFFECT_LIVE.rawValue
            guard library.functions.virDomainUpdateDeviceFlags(pointer, interface.description, flags) == 0 else {
                throw library.lastError("taking a network link down")
            }
        }
    }

    /// Removes the image of `virsh managedsave`, which its next start would resume from.
    func removeManagedSave() throws {
        let isThere = library.functions.virDomainHasManagedSaveImage(pointer, 0)
        guard isThere >= 0 else { throw library.lastError("asking for a managed save image") }
        guard isThere == 1 else { return }
        guard library.functions.virDomainManagedSaveRemove(pointer, 0) == 0 else {
            throw library.lastError("removing the managed save image")
        }
    }

    /// Removes the definition with everything that libvirt keeps for it, UEFI variables and TPM state too.
    func undefine() throws {
        let flags =
            VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
            | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_NVRAM.rawValue
        guard library.functions.virDomainUndefineFlags(pointer, flags) == 0 else {
            let error = library.lastError("removing its definition")
            if error.isNoSuchDomain { return }
            throw error
        }
    }
}

extension Connection {
    /// The domain of that name; nil when there is none.
    func domain(name: String) throws -> Domain? {
        guard let domain = library.functions.virDomainLookupByName(pointer, name) else {
            let error = library.lastError("finding the domain \(name)")
            if error.isNoSuchDomain { return nil }
            throw error
        }
        return Domain(library: library, connection: self, pointer: domain)
    }

    /// Defines a domain, or redefines the one of that UUID (virDomainDefineXML).
    func define(_ definition: XMLElement) throws -> Domain {
        guard let domain = library.functions.virDomainDefineXML(pointer, definition.description) else {
            throw library.lastError("defining it")
        }
        return Domain(library: library, connection: self, pointer: domain)
    }

    /// Asks libvirt, without defining anything, whether it would take a definition.
    ///
    /// It makes up QEMU's command line for it. Of what that can fail by, only what is wrong with the definition itself is
    /// told: a device that is missing now may be there by the time of the start.
    func requireUnderstood(of definition: XMLElement) throws {
        let native = library.functions.virConnectDomainXMLToNative(pointer, "qemu-argv", definition.description, 0)
        guard native == nil else { return free(native) }
        let error = library.lastError("the saved definition is not taken by libvirt")
        let own = [VIR_ERR_CONFIG_UNSUPPORTED, VIR_ERR_XML_ERROR, VIR_ERR_XML_DETAIL]
        if own.contains(where: { error.number == Int32($0.rawValue) }) { throw error }
    }

    /// Brings a domain up from a dump of its RAM, paused (virDomainRestoreFlags).
    func restore(from dump: String) throws {
        guard library.functions.virDomainRestoreFlags(pointer, dump, nil, VIR_DOMAIN_SAVE_PAUSED.rawValue) == 0 else {
            throw library.lastError("restoring its RAM from \(dump)")
        }
    }
}
