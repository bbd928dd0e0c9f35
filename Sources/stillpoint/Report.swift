import ArgumentParser
import Engine
import Operator

struct Report: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write an HTML page of what each VM got, day by day.",
        discussion: """
            One file that loads nothing else: a calendar of every VM, what needs attention, how long guests stood still, and \
            why VMs got less. It is replaced as a whole, so a web server may show it. Days are those of UTC.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: ArgumentHelp("Where to write the page; - is standard output.", valueName: "file")) var html: String
    @Option(help: ArgumentHelp("How many days, today among them.", valueName: "n")) var days = 365
    @Argument(help: "The dataset; those below it are reported too.") var dataset: String?

    func validate() throws {
        guard (1...Operator.mostReportDays).contains(days) else {
            throw ValidationError("--days takes 1 to \(Operator.mostReportDays): no more is kept.")
        }
        guard !html.isEmpty else { throw ValidationError("--html needs the name of a file.") }
    }

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().report(html: html, days: days, dataset: dataset)
    }
}
