/// The names that the vSphere Web Services speak in.
enum SOAPNamespaces {
    static let envelope = "http://schemas.xmlsoap.org/soap/envelope/"
    static let instance = "http://www.w3.org/2001/XMLSchema-instance"
    /// The namespace of the API's own elements.
    static let vim = "urn:vim25"
}
