import Glibc

/// What can be fuzzed, by the names that `make fuzz TARGET=` takes and that the corpora have.
let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "archive": fuzzArchive,
    "configuration": fuzzConfiguration,
    "definition-filter": fuzzDefinitionFilter,
    "disk-finding": fuzzDiskFinding,
    "exec-answer": fuzzExecAnswer,
    "history": fuzzHistory,
    "hook-input": fuzzHookInput,
    "json": fuzzJSON,
    "mounts": fuzzMounts,
    "printable": fuzzPrintable,
    "properties": fuzzProperties,
    "qcow2": fuzzQcow2,
    "restore-point": fuzzRestorePoint,
    "rewriting": fuzzRewriting,
    "sanoid-conf": fuzzSanoidConfiguration,
    "save-image": fuzzSaveImage,
    "tls": fuzzTLS,
    "vsphere": fuzzVSphere,
    "xml": fuzzXML,
    "zfs-output": fuzzZFSOutput,
]

/// The one that this process fuzzes.
enum Chosen {
    static let name = getenv("STILLPOINT_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    static let body = targets[name]
}
