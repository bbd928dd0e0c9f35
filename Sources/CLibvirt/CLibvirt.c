#include "CLibvirt.h"

#include <dlfcn.h>
#include <stddef.h>

static struct CLibvirt table;

const struct CLibvirt *clibvirt_load(const char **problem) {
    // Bound lazily, and among its own 57 libraries first: some 60000 symbol look-ups are most of what loading takes.
    void *library = dlopen("libvirt.so.0", RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND);
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

virConnectDomainEventGenericCallback clibvirt_block_job_callback(virConnectDomainEventBlockJobCallback callback) {
    return VIR_DOMAIN_EVENT_CALLBACK(callback);
}

virConnectDomainEventGenericCallback clibvirt_lifecycle_callback(virConnectDomainEventCallback callback) {
    return VIR_DOMAIN_EVENT_CALLBACK(callback);
}
