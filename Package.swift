// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// `make fuzz` builds the libraries with libFuzzer's and AddressSanitizer's checks, into a folder of its own.
let isFuzzed = Context.environment["STILLPOINT_FUZZ"] != nil
let fuzzed: [SwiftSetting] = isFuzzed ? [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"])] : []

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func library(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], linker: [LinkerSetting] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict + fuzzed, linkerSettings: linker
    )
}

func program(_ name: String, _ more: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name,
        dependencies: [
            "Engine", "LibvirtHypervisor", "VSphereHypervisor", "ExecHypervisor", "SnapshotManagers", "Support",
        ] + more,
        swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies + ["TestSupport"], exclude: exclude, swiftSettings: strict)
}

/// What tests above the back ends see.
let upperHalf: [Target.Dependency] = [
    "Operator", "Hooks", "Engine", "RunState", "Configuration", "SnapshotManagers", "Hypervisor", "DiskLocation", "ZFS",
    "Support", "RAMArchive", "SHA256", "INIFile", "JSON", system, logging,
]

let package = Package(
    name: "stillpoint",
    products: [
        .executable(name: "pre-snapshot", targets: ["pre-snapshot"]),
        .executable(name: "post-snapshot", targets: ["post-snapshot"]),
        .executable(name: "prune-snapshot", targets: ["prune-snapshot"]),
        .executable(name: "stillpoint", targets: ["stillpoint"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
    ],
    targets: [
        // C libraries. All but libvirt and libcurl are linked statically, so that a hook needs glibc alone;
        // those two are found at run time, on first need (see CLibvirt/include/CLibvirt.h).
        .target(name: "CLibvirt", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CExpat", linkerSettings: [.linkedLibrary(":libexpat.a")]),
        .target(name: "CJansson", linkerSettings: [.linkedLibrary(":libjansson.a")]),
        .target(name: "CLinux"),
        .target(name: "CZstd", linkerSettings: [.linkedLibrary(":libzstd.a")]),
        .target(name: "CSHA256", linkerSettings: [.linkedLibrary(":libcrypto.a")]),

        library("Bounds", []),
        library("XMLTree", ["Bounds", "CExpat"]),
        library("INIFile", ["Bounds", "Support", system]),
        library("JSON", ["Bounds", "Support", "CJansson"]),
        library("SHA256", ["CSHA256"]),
        library("RAMArchive", ["CZstd", "SHA256", "Support", system]),
        library("Support", ["CLinux", system]),
        library("ZFS", ["Support"]),
        library("DiskLocation", ["ZFS", "Support", system]),
        library("SnapshotManagers", ["INIFile", "ZFS", "Support"]),
        library("Hypervisor", ["DiskLocation", "ZFS", "Support"]),
        library(
            "LibvirtHypervisor",
            ["Bounds", "Hypervisor", "DiskLocation", "Support", "XMLTree", "JSON", "CLibvirt", system]),
        library(
            "VSphereHypervisor",
            ["Bounds", "Hypervisor", "DiskLocation", "ZFS", "Support", "XMLTree", "CCurl", "SHA256"]),
        library("ExecHypervisor", ["Hypervisor", "ZFS", "Support"]),
        library("Configuration", ["Hypervisor", "INIFile", "RAMArchive", "Support", "ZFS"]),
        library(
            "RunState",
            [
                "SnapshotManagers", "Hypervisor", "DiskLocation", "ZFS", "Support", "JSON", "RAMArchive", "SHA256",
                "Bounds",
                system, logging,
            ]),
        library(
            "Engine",
            [
                "RunState", "Configuration", "SnapshotManagers", "Hypervisor", "DiskLocation", "ZFS", "Support",
                "INIFile", "RAMArchive", "SHA256", "Bounds", "JSON", system, logging,
            ]),
        library(
            "Hooks",
            [
                "Engine", "RunState", "Configuration", "SnapshotManagers", "Hypervisor", "DiskLocation", "ZFS",
                "Support",
                logging,
            ]),
        library(
            "Operator",
            [
                "Engine", "RunState", "Configuration", "SnapshotManagers", "Hypervisor", "DiskLocation", "ZFS",
                "Support",
                "INIFile", "JSON", "RAMArchive", "Bounds", system, logging,
            ]),

        program("pre-snapshot", ["Hooks"]),
        program("post-snapshot", ["Hooks"]),
        program("prune-snapshot", ["Hooks"]),
        program(
            "stillpoint", ["Hooks", "Operator", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        .target(name: "TestSupport", dependencies: ["Support"], path: "Tests/TestSupport", swiftSettings: strict),
        .target(
            name: "HostFixtures", dependencies: ["TestSupport"] + upperHalf, path: "Tests/HostFixtures",
            swiftSettings: strict),
        tests("Bounds", ["Bounds"]),
        tests("XMLTree", ["XMLTree", "Bounds"]),
        tests("INIFile", ["INIFile"]),
        tests("JSON", ["JSON", "Bounds"]),
        tests("SHA256", ["SHA256"]),
        tests("RAMArchive", ["RAMArchive", "SHA256", system]),
        tests("Support", ["Support", system]),
        tests("ZFS", ["ZFS", "JSON"]),
        tests("DiskLocation", ["DiskLocation", "ZFS", "Support", system]),
        tests("SnapshotManagers", ["SnapshotManagers", "ZFS", "Support", system]),
        tests("Hypervisor", ["Hypervisor", "DiskLocation", "Support", "JSON"]),
        tests(
            "LibvirtHypervisor",
            ["LibvirtHypervisor", "Hypervisor", "DiskLocation", "Support", "XMLTree", "JSON", subprocess, system]),
        tests(
            "VSphereHypervisor",
            ["VSphereHypervisor", "Bounds", "Hypervisor", "ZFS", "Support", "XMLTree"]),
        tests("ExecHypervisor", ["ExecHypervisor", "Hypervisor", "ZFS"]),
        tests("Configuration", upperHalf + ["HostFixtures"], exclude: ["Configurations"]),
        tests("RunState", upperHalf + ["HostFixtures"]),
        tests("Engine", upperHalf + ["HostFixtures"]),
        tests("Hooks", upperHalf + ["HostFixtures"]),
        tests("Operator", upperHalf + ["HostFixtures"]),
        tests(
            "Document",
            [
                "Engine", "Hooks", "Operator", "RunState", "Configuration", "SnapshotManagers", "Hypervisor", "ZFS",
                "JSON",
                "XMLTree",
            ]),
        tests("EndToEnd", ["LibvirtHypervisor", "Hypervisor", "JSON", subprocess, system]),
        tests("Package", []),
    ]
)

if isFuzzed {
    package.targets.append(
        .executableTarget(
            name: "stillpoint-fuzz",
            dependencies: [
                "Operator", "Hooks", "Engine", "RunState", "Configuration", "LibvirtHypervisor", "VSphereHypervisor",
                "SnapshotManagers", "Hypervisor", "DiskLocation",
                "ZFS", "Support", "RAMArchive", "XMLTree", "INIFile", "JSON", system,
            ],
            path: "Tests/Fuzz/Sources", swiftSettings: strict + fuzzed,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]))
}
