#include "CLibvirt.h"

#include <dlfcn.h>
#include <stddef.h>

static struct CLibvirt table;

const struct CLibvirt *clibvirt_load(const char **problem) {
    void *library = dlopen("libvirt.so.0", RTLD_LAZY | RTLD_LOCAL);
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
