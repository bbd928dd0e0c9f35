import Testing

@Suite("The release binaries", .enabled(if: Lab.here != nil, Lab.reason))
struct BinaryTests {
    @Test(
        "A hook is at most 12 MB and needs nothing but glibc",
        arguments: ["pre-snapshot", "post-snapshot"])
    func sizeAndLibraries(_ name: String) async throws {
        let lab = try #require(Lab.here)
        let size = Int(try await need("stat -c %s \(lab.binaries)/\(name)")) ?? .max
        #expect(size <= 12_000_000)
        let libraries = try await need("ldd \(lab.binaries)/\(name) | awk '{ print $1 }' | xargs -n 1 basename")
        let allowed = ["linux-vdso.so.1", "libm.so.6", "libc.so.6"]
        for library in libraries.split(separator: "\n") where !library.hasPrefix("ld-linux") {
            #expect(allowed.contains(String(library)))
        }
    }

    @Test("--help and --version answer on standard output", arguments: ["pre-snapshot", "post-snapshot"])
    func help(_ name: String) async throws {
        let lab = try #require(Lab.here)
        let help = try await shell("\(lab.binaries)/\(name) --help")
        #expect(help.status == 0)
        #expect(help.output.contains(name))
        #expect(help.errors.isEmpty)
        #expect(try await need("\(lab.binaries)/\(name) --version").hasPrefix("\(name) "))
    }
}
