internal import Hypervisor
internal import XMLTree

/// What a server says of itself before anybody has logged in.
struct ServiceContent: Sendable, Equatable {
    /// `VMware vCenter Server 8.0.2 build-…`
    let fullName: String
    let version: APIVersion
    let rootFolder: MoRef
    let propertyCollector: MoRef
    let sessionManager: MoRef
    let viewManager: MoRef
    /// An ESXi host has one too.
    let taskManager: MoRef?
    let authorizationManager: MoRef?
    let licenseManager: MoRef?
    /// A stand-alone ESXi host, no vCenter server.
    let isHost: Bool

    /// What RetrieveServiceContent returned; nil where it is no vSphere server's.
    init?(_ result: XMLElement) {
        guard let content = result.first("returnval"), let about = content.first("about"),
            let version = APIVersion(about.value("apiVersion") ?? ""),
            let rootFolder = MoRef(content.first("rootFolder")),
            let propertyCollector = MoRef(content.first("propertyCollector")),
            let sessionManager = MoRef(content.first("sessionManager")),
            let viewManager = MoRef(content.first("viewManager"))
        else { return nil }
        self.fullName = about.value("fullName") ?? about.value("name") ?? "a vSphere server"
        self.version = version
        self.rootFolder = rootFolder
        self.propertyCollector = propertyCollector
        self.sessionManager = sessionManager
        self.viewManager = viewManager
        taskManager = MoRef(content.first("taskManager"))
        authorizationManager = MoRef(content.first("authorizationManager"))
        licenseManager = MoRef(content.first("licenseManager"))
        isHost = about.value("apiType") == "HostAgent"
    }
}
