import XMLTree
import ZFS

@testable import VSphereHypervisor

/// A VM's properties, as a page of discovery has them.
func fixtureObject(_ properties: String, id: String = "vm-1", type: String = "VirtualMachine") -> String {
    "<objects><obj type=\"\(type)\">\(id)</obj>\(properties)</objects>"
}

func fixtureProperty(_ name: String, _ value: String) -> String {
    "<propSet><name>\(name)</name><val>\(value)</val></propSet>"
}

/// The answer of RetrievePropertiesEx, names resolved as from a server.
func fixturePage(_ objects: String, token: String? = nil) throws -> XMLElement {
    let token = token.map { "<token>\($0)</token>" } ?? ""
    return try XMLElement.parse(
        Array(
            """
            <RetrievePropertiesExResponse xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\
            <returnval>\(token)\(objects)</returnval></RetrievePropertiesExResponse>
            """.utf8), namespace: SOAPNamespaces.vim)
}

/// A running VM that is connected, with more properties.
func fixtureDetails(_ properties: String) throws -> VMDetails {
    let page = try fixturePage(
        fixtureObject(
            fixtureProperty("name", "web%2f1") + fixtureProperty("runtime.connectionState", "connected")
                + fixtureProperty("runtime.powerState", "poweredOn") + properties))
    return VMDetails(try required(ObjectProperties.read(page).objects.first))
}

func fixtureDevice(_ type: String, _ inside: String = "") -> String {
    "<VirtualDevice xsi:type=\"\(type)\"><key>9\(type.utf8.count)</key>\(inside)</VirtualDevice>"
}

/// A disk on the datastore `datastore-1`, and its controller.
func fixtureDisk(unit: Int = 0, _ backing: String = "") -> String {
    """
    <VirtualDevice xsi:type="ParaVirtualSCSIController"><key>1000</key><busNumber>0</busNumber>\
    <sharedBus>noSharing</sharedBus></VirtualDevice>\
    <VirtualDevice xsi:type="VirtualDisk"><key>200\(unit)</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo">\
    <fileName>[nfs] web/web_\(unit)-000001.vmdk</fileName><datastore type="Datastore">datastore-1</datastore>\(backing)\
    <parent><fileName>[nfs2] web/web_\(unit).vmdk</fileName><datastore type="Datastore">datastore-2</datastore></parent>\
    </backing><controllerKey>1000</controllerKey><unitNumber>\(unit)</unitNumber></VirtualDevice>
    """
}

/// Finds no dataset: the configuration must say it all.
struct NoDatastores: DatastoreResolver {
    func datasets(of datastore: DatastoreKind) -> [DatasetName] { [] }
    func isLocal(_ datastore: DatastoreKind) -> Bool { false }
}
