import Glibc
import Support
import TestSupport
import Testing

@Suite("A name that is exchanged at any instant", .serialized)
struct FolderExchangeTests {
    @Test(arguments: ["tree", "tree/sub", "tree/sub/file"])
    func `leads no removal elsewhere`(place: String) throws {
        try withScratchFolder { scratch in
            for name in ["file", "sub/file", "other"] { try scratch.write("etc/\(name)", "root's") }
            try scratch.folder("tank")
            let top = try Folder(scratch.path + "/tank")
            let make = { try top.madeFolder("tree").madeFolder("sub").write(Array("theirs".utf8), to: "file") }
            try make()
            let target = scratch.path + (place.hasSuffix("file") ? "/etc/file" : "/etc")
            let canary = Canary(scratch.path + "/etc")
            let outcome = Exchange("\(scratch.path)/tank/\(place)", forLinkTo: target).during {
                try? make()
                top.remove("tree")
            }
            #expect(outcome.exchanges >= Exchange.rounds)
            #expect(Canary(scratch.path + "/etc") == canary)
        }
    }
}
