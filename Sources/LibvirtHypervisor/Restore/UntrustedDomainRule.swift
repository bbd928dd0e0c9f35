internal import Support
internal import XMLTree

/// The allow-list (libvirt.org/formatdomain.html).
struct UntrustedDomainRule: Sendable {
    let images: [String]

    private typealias Rule = ElementRule

    var domain: ElementRule {
        Rule(
            ["type": Rule.oneOf("kvm", "qemu")],
            [
                "name": Rule(text: { !$0.contains("/") && $0.utf8.count <= 255 && printable($0) == $0 }),
                "uuid": Rule(text: Rule.uuid), "genid": Rule(text: Rule.uuid),
                "memory": .plainText(Rule.number, "unit", "dumpCore"),
                "maxMemory": .plainText(Rule.number, "unit", "slots"),
                "currentMemory": .plainText(Rule.number, "unit"),
                "vcpu": .plainText(Rule.number, "placement", "current"), "iothreads": Rule(text: Rule.number),
                "vcpus": Rule([:], ["vcpu": .plain("id", "enabled", "hotpluggable", "order")]),
                "cpu": Self.cpu, "clock": Self.clock, "features": Self.features, "os": Self.os,
                "on_poweroff": Rule(text: Rule.word), "on_reboot": Rule(text: Rule.word),
                "on_crash": Rule(text: Rule.oneOf("destroy", "restart", "preserve", "rename-restart")),
                "pm": Rule([:], ["suspend-to-mem": .plain("enabled"), "suspend-to-disk": .plain("enabled")]),
                "devices": Rule([:], devices),
            ], where: { $0.name == "domain" })
    }

    private static let cpu = Rule(
        Rule.words("mode", "match", "check", "migratable"),
        [
            "model": .plainText(Rule.word, "fallback", "vendor_id"), "vendor": Rule(text: Rule.word),
            "topology": .plain("sockets", "dies", "clusters", "cores", "threads"), "feature": .plain("policy", "name"),
            "cache": .plain("level", "mode"), "maxphysaddr": .plain("mode", "bits", "limit"),
            "numa": Rule(
                [:],
                ["cell": Rule(Rule.words("id", "memory", "unit", "discard").merging(["cpus": Rule.numbers]) { $1 })]),
        ])

    private static let clock = Rule(
        ["offset": Rule.oneOf("utc", "localtime", "variable", "absolute")].merging(
            Rule.words("adjustment", "basis", "start")
        ) { first, _ in first },
        [
            "timer": Rule(
                Rule.words("name", "track", "tickpolicy", "frequency", "mode", "present"),
                ["catchup": .plain("threshold", "slew", "limit")])
        ])

    private static let hyperv: [String: ElementRule] = Dictionary(
        [
            "relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset", "vendor_id",
            "frequencies",
            "reenlightenment", "tlbflush", "ipi", "evmcs", "avic", "emsr_bitmap", "xmm_input",
        ].map { ($0, Rule(Rule.words("state", "retries", "value"), ["direct": .plain("state")])) }
    ) { $1 }

    private static let features = Rule(
        [:],
        [
            "acpi": Rule(), "apic": .plain("eoi"), "pae": Rule(), "viridian": Rule(), "hap": .plain("state"),
            "pvspinlock": .plain("state"), "vmport": .plain("state"), "pmu": .plain("state"), "gic": .plain("version"),
            "ioapic": .plain("driver"), "vmcoreinfo": .plain("state"), "smm": .plain("state"),
            "hyperv": Rule(Rule.words("mode"), hyperv),
            "kvm": Rule(
                [:],
                ["hidden": .plain("state"), "hint-dedicated": .plain("state"), "poll-control": .plain("state")]),
        ])

    private static let os = Rule(
        ["firmware": Rule.oneOf("efi")],
        [
            "type": .plainText(Rule.oneOf("hvm"), "arch", "machine"), "boot": .plain("dev"),
            "bootmenu": .plain("enable", "timeout"), "bios": .plain("useserial", "rebootTimeout"),
            "firmware": Rule([:], ["feature": .plain("enabled", "name")]),
        ])
}

// MARK: devices

extension UntrustedDomainRule {
    private static let placed: [String: ElementRule] = [
        "address": .plain(
            "type", "domain", "bus", "slot", "function", "multifunction", "controller", "target", "unit", "port",
            "iobase",
            "irq", "reg", "cssid", "ssid", "devno"),
        "alias": .plain("name"), "boot": .plain("order"),
    ]

    private static func device(
        _ attributes: [String: ElementRule.ValueRule], _ children: [String: ElementRule] = [:],
        where condition: @escaping @Sendable (XMLElement) -> Bool = { _ in true }
    ) -> ElementRule {
        Rule(attributes, placed.merging(children) { $1 }, where: condition)
    }

    private var devices: [String: ElementRule] {
        Self.quiet.merging(Self.connected) { $1 }.merging(["disk": disk]) { $1 }
    }

    /// Those that are nothing but emulated.
    private static let quiet: [String: ElementRule] = [
        "controller": device(
            Rule.words("type", "index", "model", "ports", "vectors"),
            [
                "driver": .plain("queues", "cmd_per_lun", "max_sectors", "iothread"), "model": .plain("name"),
                "target": .plain("chassisNr", "chassis", "port", "busNr", "index", "hotplug"),
                "master": .plain("startport"),
            ]),
        "video": device(
            [:], ["model": .plain("type", "vram", "vram64", "ram", "vgamem", "heads", "primary")]),
        "input": device(
            ["type": Rule.oneOf("mouse", "tablet", "keyboard"), "bus": Rule.word, "model": Rule.word],
            where: { ["mouse", "tablet", "keyboard"].contains($0["type"]) }),
        "memballoon": device(
            Rule.words("model", "autodeflate", "freePageReporting"), ["stats": .plain("period")]),
        "watchdog": device(
            ["model": Rule.word, "action": Rule.oneOf("none", "reset", "poweroff", "shutdown", "pause")]),
        "sound": device(Rule.words("model"), ["codec": .plain("type")]),
        "audio": Rule(
            ["id": Rule.number, "type": Rule.oneOf("none", "spice")], where: { ["none", "spice"].contains($0["type"]) }),
        "panic": device(Rule.words("model")), "hub": device(["type": Rule.oneOf("usb")]),
        "rng": device(
            Rule.words("model"),
            [
                "rate": .plain("bytes", "period"),
                "backend": Rule(["model": Rule.oneOf("random")], text: Rule.oneOf("/dev/urandom")),
            ],
            where: { $0.children(named: "backend").allSatisfy { $0["model"] == "random" } }),
        "tpm": device(
            ["model": Rule.word], ["backend": Rule(["type": Rule.oneOf("emulator"), "version": Rule.word])],
            where: {
                let backends = $0.children(named: "backend")
                return backends.count == 1 && backends.allSatisfy { $0["type"] == "emulator" }
            }),
    ]

    /// Those that lead out of the VM, by ways that libvirt chooses.
    private static let connected: [String: ElementRule] = [
        "interface": device(
            ["type": Rule.oneOf("network", "bridge", "user")],
            [
                "mac": .plain("address"), "source": .plain("network", "bridge", "portgroup"), "model": .plain("type"),
                "driver": Rule(["name": Rule.oneOf("qemu", "vhost"), "queues": Rule.number]), "link": .plain("state"),
                "mtu": .plain("size"),
                "filterref": Rule(Rule.words("filter"), ["parameter": .plain("name", "value")]),
            ], where: { ["network", "bridge", "user"].contains($0["type"]) }),
        "serial": characterDevice, "console": characterDevice,
        "channel": device(
            ["type": Rule.oneOf("unix", "spicevmc", "pty")],
            ["target": Rule(["type": Rule.oneOf("virtio"), "name": Rule.word])],
            where: { ["unix", "spicevmc", "pty"].contains($0["type"]) }),
        "graphics": Rule(
            ["type": Rule.oneOf("vnc", "spice"), "autoport": Rule.oneOf("yes"), "keymap": Rule.word],
            where: { ["vnc", "spice"].contains($0["type"]) }),
    ]

    private static let characterDevice = device(
        ["type": Rule.oneOf("pty")], ["target": Rule(Rule.words("type", "port"), ["model": .plain("name")])],
        where: { $0["type"] == "pty" })
}

// MARK: disks

extension UntrustedDomainRule {
    private static let formats = Rule.oneOf("raw", "qcow2")

    private var disk: ElementRule {
        let isImage = isImage
        let isDrive: @Sendable (XMLElement) -> Bool = { ["cdrom", "floppy"].contains($0["device"]) }
        return Self.device(
            ["type": Rule.oneOf("file", "block"), "device": Rule.oneOf("disk", "cdrom", "floppy")],
            [
                "driver": Rule(
                    ["name": Rule.oneOf("qemu"), "type": Self.formats].merging(
                        Rule.words(
                            "cache", "io", "discard", "detect_zeroes", "queues", "iothread", "error_policy",
                            "rerror_policy", "copy_on_read")
                    ) { first, _ in first }),
                "source": source, "backingStore": backing(levels: 64),
                "target": .plain("dev", "bus", "tray", "removable", "rotation_rate"), "serial": Rule(text: Rule.word),
                "wwn": Rule(text: Rule.word), "vendor": Rule(text: Rule.word), "product": Rule(text: Rule.word),
                "readonly": Rule(), "geometry": .plain("cyls", "heads", "secs", "trans"),
                "blockio": .plain("logical_block_size", "physical_block_size", "discard_granularity"),
            ],
            where: { disk in
                guard ["file", "block"].contains(disk["type"]),
                    [nil, "disk", "cdrom", "floppy"].contains(disk["device"]),
                    disk.children(named: "driver").count <= 1, disk.children(named: "source").count <= 1,
                    disk.children(named: "backingStore").count <= 1,
                    disk.first("driver").map({ Self.formats($0["type"] ?? "raw") }) ?? true
                else { return false }
                // An empty drive is one; a disk without its image is none, and one whose chain leads elsewhere neither.
                if isDrive(disk) { return Self.chain(of: disk).count == 1 }
                return Self.chain(of: disk).allSatisfy { isImage($0) && $0.first("source") != nil }
            })
    }

    /// The image in a `<source>`, by the type of the disk or the backing store that it is in.
    private var isImage: @Sendable (XMLElement) -> Bool {
        { [images] element in
            guard let source = element.first("source") else { return true }
            let attribute =
                switch element["type"] {
                case "file": "file"
                case "block": "dev"
                default: ""
                }
            guard let path = source[attribute] else { return false }
            return images.contains { $0.utf8.elementsEqual(path.utf8) }
        }
    }

    /// The disk and the backing stores below it that have an image.
    private static func chain(of disk: XMLElement) -> [XMLElement] {
        var chain = [disk]
        while let below = chain.last?.first("backingStore"), !below.content.isEmpty || !below.attributes.isEmpty {
            chain.append(below)
            if chain.count > 64 { break }
        }
        return chain
    }

    private var source: ElementRule {
        let allowed: ElementRule.ValueRule = { [images] path in images.contains { $0.utf8.elementsEqual(path.utf8) } }
        return Rule(
            ["file": allowed, "dev": allowed],
            where: { source in [source["file"], source["dev"]].compactMap { $0 }.allSatisfy(allowed) })
    }

    private func backing(levels: Int) -> ElementRule {
        guard levels > 0 else { return Rule(where: { _ in false }) }
        return Rule(
            ["type": Rule.oneOf("file", "block")],
            levels == 1
                ? [:]
                : [
                    "format": Rule(["type": Self.formats]), "source": source,
                    "backingStore": backing(levels: levels - 1),
                ])
    }
}
