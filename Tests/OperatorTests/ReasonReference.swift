import Hypervisor

@testable import Operator

/// `docs/reasons.md`: why a VM did not get what it was to get, out of the declarations.
enum ReasonReference {
    static var page: String {
        """
        # Why a VM got less

        Made of what the program itself knows (CONTRIBUTING.md says how). When a VM does not get what the first strategy of its list
        is for, the reason is recorded in a word, and in words beside it:

        | where | how it is shown |
        |---|---|
        | on the snapshot | `stillpoint:vms` has `db=crash:agent-silent`: the VM, what it got, why it is not more; \
        without the reasons where they do not fit, since ZFS keeps 1024 bytes |
        | `stillpoint list`, `stillpoint show` | with the VM and its consistency; `show` adds the words, such as libvirt's answer |
        | `stillpoint explain VM` | for the last runs of one VM, with the fallbacks before it |
        | metrics, mail, webhook, the HTML report | how many VMs have which reason, and which |
        | the journal | the report of the run, in words |

        A VM that has fallen back and was still `quiesced` has a reason, too. Later versions may add words: take one that you do not
        know as `call-failed`.

        | reason | what it means |
        |---|---|

        """ + ReasonCode.all.map { "| [`\($0)`](#\($0)) | \($0.title) |\n" }.joined()
            + ReasonCode.all.map { "\n## \($0)\n\n**\($0.title).**\n\n**What to do:** \(linked($0.remedy))\n" }.joined()
    }
}
