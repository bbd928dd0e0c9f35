import DiskLocation
import Hypervisor
import TestSupport
import Testing

@testable import Engine

@Suite("The room for RAM dumps")
struct RAMSpaceBudgetTests {
    @Test("is shared by the VMs of a run, a tenth stays free, and what is not used is given back")
    func shared() async throws {
        try await withScratchFolder { scratch in
            let (available, total) = try FreeSpace.available(at: scratch.path)
            let part = (available - min(available, total / 10)) / 5 * 3
            let room = RAMSpaceBudget(directory: scratch.path)
            try await room.reserve(part)
            let error = await #expect(throws: HypervisorError.self) { try await room.reserve(part) }
            #expect(error?.remedy == .fallBack)
            #expect(error?.description.contains("ram_dir \(scratch.path) has room for") == true)
            await room.giveBack(part)
            try await room.reserve(part)
        }
    }

    @Test("is none where the folder is not there")
    func missing() async {
        let error = await #expect(throws: HypervisorError.self) {
            try await RAMSpaceBudget(directory: "/nowhere").reserve(1)
        }
        #expect(error?.remedy == .fallBack)
        #expect(error?.description.contains("ram_dir cannot be used") == true)
    }

    @Test("is not there for a guest with more RAM than can be counted")
    func endless() async throws {
        try await withScratchFolder { scratch in
            let room = RAMSpaceBudget(directory: scratch.path)
            let error = await #expect(throws: HypervisorError.self) { try await room.reserve(.max) }
            #expect(error?.remedy == .fallBack)
            try await room.reserve(0)
            await room.giveBack(.max)
            await room.giveBack(.max)
        }
    }
}
