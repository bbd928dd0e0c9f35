// libvirt's real headers, and its functions as a table of pointers that is filled from libvirt.so.0 on first need.
//
// Linking libvirt would cost every start of a hook 9 ms (57 shared libraries), and a hook often has nothing to ask it.
// The types come from the headers, so a call through the table is checked like a direct one.
#pragma once

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#define CLIBVIRT_FUNCTIONS(X)                                                                                          \
    X(virInitialize) X(virGetLastError) X(virSetErrorFunc) X(virEventRegisterDefaultImpl)                              \
    X(virEventRunDefaultImpl) X(virConnectOpen) X(virConnectClose) X(virConnectIsAlive)                                \
    X(virConnectGetAllDomainStats) X(virDomainStatsRecordListFree) X(virTypedParamsGetInt) X(virDomainRef)             \
    X(virConnectDomainEventRegisterAny) X(virDomainLookupByUUIDString) X(virDomainFree)                                \
    X(virConnectDomainEventDeregisterAny)                                                                            \
    X(virDomainGetUUIDString) X(virDomainGetXMLDesc) X(virDomainGetState) X(virDomainGetControlInfo)                   \
    X(virDomainBlockCommit) X(virDomainBlockJobAbort) X(virDomainAgentSetResponseTimeout) X(virDomainGetFSInfo)        \
    X(virDomainFSInfoFree) X(virDomainFSFreeze) X(virDomainFSThaw) X(virDomainSnapshotCreateXML)                       \
    X(virDomainSnapshotLookupByName) X(virDomainSnapshotDelete) X(virDomainSnapshotFree)                               \
    X(virDomainListAllSnapshots) X(virDomainSnapshotGetName) X(virConnectGetLibVersion)                                \
    X(virStoragePoolLookupByName) X(virStoragePoolFree) X(virStorageVolLookupByName) X(virStorageVolGetPath)           \
    X(virStorageVolFree) X(virDomainAbortJob)                                                                          \
    X(virDomainGetName) X(virDomainLookupByName) X(virDomainIsPersistent) X(virDomainDestroy) X(virDomainDefineXML)    \
    X(virDomainUndefineFlags) X(virDomainCreateWithFlags) X(virDomainResume) X(virDomainUpdateDeviceFlags)             \
    X(virDomainRestoreFlags) X(virDomainHasManagedSaveImage) X(virDomainManagedSaveRemove)                             \
    X(virDomainManagedSaveGetXMLDesc) X(virDomainManagedSaveDefineXML) X(virDomainSuspend) X(virDomainGetBlockJobInfo)   \
    X(virConnectGetHostname) X(virDomainGetBlockInfo) X(virDomainGetJobStats) X(virTypedParamsFree)                     \
    X(virConnectGetCapabilities) X(virConnectDomainXMLToNative) X(virDomainGetGuestInfo) X(virTypedParamsGetString)    \
    X(virDomainSnapshotListAllChildren) X(virDomainSnapshotGetXMLDesc) X(virDomainSnapshotIsCurrent)     \
    X(virDomainGetInfo) X(virConnectSetKeepAlive) X(virConnectListAllStoragePools) X(virStoragePoolGetXMLDesc) X(virStoragePoolCreateXML) X(virStoragePoolRefresh)  \
    X(virStoragePoolGetInfo) X(virStoragePoolListAllVolumes) X(virStorageVolGetName) X(virStorageVolCreateXML)         \
    X(virStorageVolDelete) X(virStorageVolGetXMLDesc) X(virDomainShutdownFlags)

struct CLibvirt {
#define CLIBVIRT_MEMBER(name) __typeof__(name) *_Nonnull name;
    CLIBVIRT_FUNCTIONS(CLIBVIRT_MEMBER)
#undef CLIBVIRT_MEMBER
};

/// The table, or NULL with the reason in *problem. Call it once: it is not thread-safe.
const struct CLibvirt *_Nullable clibvirt_load(const char *_Nullable *_Nonnull problem);

/// virDomainQemuAgentCommand of libvirt-qemu.so.0, or NULL where that is not there. Call it when `clibvirt_load` has succeeded.
__typeof__(virDomainQemuAgentCommand) *_Nullable clibvirt_load_agent_command(void);

/// A block job event callback as the generic callback that virConnectDomainEventRegisterAny wants (a C cast).
virConnectDomainEventGenericCallback _Nonnull clibvirt_block_job_callback(
    virConnectDomainEventBlockJobCallback _Nonnull callback);

/// The same for a lifecycle event callback.
virConnectDomainEventGenericCallback _Nonnull clibvirt_lifecycle_callback(
    virConnectDomainEventCallback _Nonnull callback);
