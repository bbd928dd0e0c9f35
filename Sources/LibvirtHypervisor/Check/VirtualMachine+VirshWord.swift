internal import Hypervisor
internal import Support

extension VirtualMachine {
    /// What stands for the VM in a command of virsh's, and for no other: its name, else its UUID.
    ///
    /// virsh looks for an id and a UUID before it looks for a name, and takes a hyphen for the beginning of an option; a name that
    /// does not show as itself is not one to be copied.
    var virshWord: String {
        let word = shellQuoted(name)
        let digits = name.utf8.drop { [0x20, UInt8(ascii: "+")].contains($0) }
        let isNumber = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let isClear = !isNumber && !name.hasPrefix("-") && name.utf8.count != 36 && !word.hasPrefix("$")
        return isClear ? word : shellQuoted(id)
    }
}
