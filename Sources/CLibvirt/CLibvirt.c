#include "CLibvirt.h"

#include <dlfcn.h>
#include <stddef.h>

// Lazily, and among a library's own libraries before this program's.
#define BINDING (RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND)

static struct CLibvirt table;

const struct CLibvirt *clibvirt_load(const char **problem) {
    // Most of what loading takes is finding symbols, each in one after another of the 56 libraries that come along.
    // Those that bring most of them come first, so that they are bound among their own few: 19 million instructions in
    // the loader instead of 33 (Debian 12). One that is not there, or not needed, does no harm.
    static const char *const below[] = {
        "libxml2.so.2", "libssh.so.4", "libgnutls.so.30", "libcurl-gnutls.so.4", "libgio-2.0.so.0",
    };
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) dlopen(below[i], BINDING);
    void *library = dlopen("libvirt.so.0", BINDING);
    if (library == NULL) {
        *problem = dlerror();
        return NULL;
    }
#define CLIBVIRT_RESOLVE(name)                                                                                         \
    *(void **)&table.name = dlsym(library, #name);                                                                     \
    if (*(void **)&table.name == NULL) {                                                                               \
        *problem = "libvirt.so.0 is too old: it has no " #name;                                                        \
        return NULL;                                                                                                   \
    }
    CLIBVIRT_FUNCTIONS(CLIBVIRT_RESOLVE)
    return &table;
}

__typeof__(virDomainQemuAgentCommand) *clibvirt_load_agent_command(void) {
    void *library = dlopen("libvirt-qemu.so.0", BINDING);
    return library == NULL ? NULL : (__typeof__(virDomainQemuAgentCommand) *)dlsym(library, "virDomainQemuAgentCommand");
}

virConnectDomainEventGenericCallback clibvirt_block_job_callback(virConnectDomainEventBlockJobCallback callback) {
    return VIR_DOMAIN_EVENT_CALLBACK(callback);
}

virConnectDomainEventGenericCallback clibvirt_lifecycle_callback(virConnectDomainEventCallback callback) {
    return VIR_DOMAIN_EVENT_CALLBACK(callback);
}
