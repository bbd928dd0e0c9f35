/// The elements that our pages have.
enum MarkupTag: String, Sendable {
    case a, b, bdi, body, caption, code, dd, details, div, dl, dt, footer, h1, h2, h3, head, header, html, i, li, main
    case meta, nav, p, section, small, span, strong, style, summary, table, tbody, td, th, thead, time, title, tr, ul
    case g, line, path, svg
    /// SVG's, which are not those of HTML.
    case svgText = "text"

    /// Has no content and no end tag (HTML Standard, 13.1.2).
    var isVoid: Bool { self == .meta }
}
