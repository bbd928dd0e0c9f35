internal import CLibvirt
internal import Glibc
internal import XMLTree

extension Domain {
    /// The XML in the image of `virsh managedsave`, from which its next start resumes; nil where there is none.
    func managedSaveDocument() throws -> XMLElement? {
        let isThere = library.functions.virDomainHasManagedSaveImage(pointer, 0)
        guard isThere >= 0 else { throw library.lastError("asking for a managed save image") }
        guard isThere == 1 else { return nil }
        let flags = VIR_DOMAIN_SAVE_IMAGE_XML_SECURE.rawValue
        guard let text = library.functions.virDomainManagedSaveGetXMLDesc(pointer, flags) else {
            throw library.lastError("reading the managed save image")
        }
        defer { free(text) }
        return try XMLElement.parse(String(cString: text))
    }

    /// Changes that XML; the domain resumes running or paused, as it was saved.
    func defineManagedSave(_ document: XMLElement) throws {
        guard library.functions.virDomainManagedSaveDefineXML(pointer, document.description, 0) == 0 else {
            throw library.lastError("changing the managed save image")
        }
    }
}
