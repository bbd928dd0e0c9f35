/// What `--version` prints.
package let stillpointVersion = "0.1.0"
