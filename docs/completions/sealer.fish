# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sealer_global_optspecs
    string join \n h/help V/version
end

function __fish_sealer_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sealer_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sealer_using_subcommand
    set -l cmd (__fish_sealer_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sealer -n "__fish_sealer_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sealer -n "__fish_sealer_needs_command" -s V -l version -d 'Print version'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "seal" -d 'Encrypt Secrets into SealedSecrets that are safe to commit'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "unseal" -d 'Decrypt SealedSecrets with private keys at hand'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "reseal" -d 'Bring SealedSecrets under the newest key'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "verify" -d 'Check SealedSecrets, with or without private keys'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "cert" -d 'Print or describe a certificate'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "keys" -d 'Look after a folder of sealing keys'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "local" -d 'Play cluster in a folder: seal, unseal and heal without one'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "encrypt" -d 'Encrypt the values of files for age, PGP and other keys, as sops does'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "decrypt" -d 'Decrypt files whose values are encrypted'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "edit" -d 'Edit an encrypted file, or a new one'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "exec-env" -d 'Run a program with the values of an encrypted file in its environment'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "exec-file" -d 'Run a program with a decrypted file that is gone afterwards'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "extract" -d 'Print one value of an encrypted file'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "set" -d 'Set one value of an encrypted file'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "unset" -d 'Remove one value of an encrypted file'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "rotate" -d 'Bring files under a new data key'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "updatekeys" -d 'Bring files under the keys that .sops.yaml names'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "groups" -d 'Add or remove key groups of a file'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "filestatus" -d 'Say whether files are encrypted'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "render" -d 'Show the Secrets that ExternalSecrets yield, without a cluster'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "fetch" -d 'Print one secret of a store, without a cluster'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "run" -d 'Run a program with what ExternalSecrets yield in its environment'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "explain" -d 'Say what became of a SealedSecret, an ExternalSecret or a store in the cluster, and what comes next'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "crds" -d 'Compare or install the custom resource definitions of a cluster'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "migrate" -d 'Move a cluster from the Sealed Secrets controller to ours'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "kubeseal" -d 'Speak kubeseal\'s command line: its flags, messages and exit codes'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "sops" -d 'Speak sops\'s command line: its commands, flags, messages and exit codes'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "completions" -d 'Print a script that completes commands in a shell'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "man" -d 'Print the manual page, or write all of them into a folder'
complete -c sealer -n "__fish_sealer_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand seal" -s n -l namespace -d 'Namespace of Secrets that name none' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l name -d 'Name, whatever the Secret says' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l scope -d 'How far the items may travel: strict, namespace-wide or cluster-wide [default: what the Secret\'s annotations say, or strict]' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -s o -l format -d 'Language of the output [default: that of the output file\'s ending, or of the input]' -r -f -a "json\t'JSON'
yaml\t'YAML'"
complete -c sealer -n "__fish_sealer_using_subcommand seal" -s w -l output -d 'Write to a file instead of standard output' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l out-dir -d 'Write one file for each file of the input, at the same place below this folder' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l merge-into -d 'Put the items into this SealedSecret file, under its name, namespace and scope; the rest of the file stays as it is' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l item -d 'Seal standard input as the value of this one item; with --merge-into' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l cert -d 'Certificate to seal with: a PEM file, or an http, https or file URL [default: $SEALER_CERT, unless --local or --keys is given]' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l keys -d 'Use the newest key of this folder' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l allow-empty-data -d 'Accept Secrets without any item, and an empty value for --item'
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l no-hint -d 'Do not write the certificate\'s fingerprint beside the items'
complete -c sealer -n "__fish_sealer_using_subcommand seal" -l local -d 'Use the newest key of the local key store, or of $SEALER_KEYS'
complete -c sealer -n "__fish_sealer_using_subcommand seal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sealer -n "__fish_sealer_using_subcommand unseal" -l item -d 'Print the bytes of this item only' -r
complete -c sealer -n "__fish_sealer_using_subcommand unseal" -s o -l format -d 'Language of the output [default: that of the input]' -r -f -a "json\t'JSON'
yaml\t'YAML'"
complete -c sealer -n "__fish_sealer_using_subcommand unseal" -s w -l output -d 'Write to a file that only its owner can read' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand unseal" -l key -d 'File with private keys: key Secrets (YAML or JSON), or PEM; may be repeated' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand unseal" -l keys -d 'Folder with key files [default: $SEALER_KEYS or the local key store, unless --key is given]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand unseal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l cert -d 'Seal with this certificate instead of that of the newest private key' -r
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l key -d 'File with private keys: key Secrets (YAML or JSON), or PEM; may be repeated' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l keys -d 'Folder with key files [default: $SEALER_KEYS or the local key store, unless --key is given]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -s i -l in-place -d 'Write the files back; without it, one file is printed to standard output'
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l dry-run -d 'Say what would change, and write nothing'
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l controller -d 'Have the controller do it: no private key is needed here'
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -l json -d 'Print what was done as JSON; with --in-place or --dry-run'
complete -c sealer -n "__fish_sealer_using_subcommand reseal" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand verify" -l cert -d 'Certificates of the cluster (PEM files or URLs, each with one or many), to compare with what an object says it was sealed with' -r
complete -c sealer -n "__fish_sealer_using_subcommand verify" -l key -d 'File with private keys: key Secrets (YAML or JSON), or PEM; may be repeated' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand verify" -l keys -d 'Folder with key files [default: $SEALER_KEYS or the local key store, unless --key is given]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand verify" -l hidden -d 'Look into hidden files and folders too'
complete -c sealer -n "__fish_sealer_using_subcommand verify" -l strict -d 'Fail on warnings too, and if there is nothing to check'
complete -c sealer -n "__fish_sealer_using_subcommand verify" -l json -d 'Print the findings as JSON, and nothing else'
complete -c sealer -n "__fish_sealer_using_subcommand verify" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand cert" -s w -l output -d 'Write to a file instead of standard output' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l cert -d 'Certificate to seal with: a PEM file, or an http, https or file URL [default: $SEALER_CERT, unless --local or --keys is given]' -r
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l keys -d 'Use the newest key of this folder' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l info -d 'Describe the certificate instead of printing it'
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l json -d 'Describe the certificate as JSON'
complete -c sealer -n "__fish_sealer_using_subcommand cert" -l local -d 'Use the newest key of the local key store, or of $SEALER_KEYS'
complete -c sealer -n "__fish_sealer_using_subcommand cert" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and not __fish_seen_subcommand_from list new import export help" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and not __fish_seen_subcommand_from list new import export help" -f -a "list" -d 'List the keys of a folder, newest first'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and not __fish_seen_subcommand_from list new import export help" -f -a "new" -d 'Make a new key, which seals from now on'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and not __fish_seen_subcommand_from list new import export help" -f -a "import" -d 'Copy keys of a cluster\'s backup into a folder'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and not __fish_seen_subcommand_from list new import export help" -f -a "export" -d 'Print the keys of a folder as Secrets, for a backup or to apply to a cluster'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and not __fish_seen_subcommand_from list new import export help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from list" -l keys -d 'Folder of keys [default: $SEALER_KEYS or the local key store]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from new" -l keys -d 'Folder of keys [default: $SEALER_KEYS or the local key store]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from new" -l key-renew-period -d 'Age at which the newest key gets a successor, such as 720h or 30d; 0 means never' -r
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from new" -l key-ttl -d 'How long the certificate of a new key may seal' -r
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from new" -l key-size -d 'Length of a new RSA key' -r -f -a "2048\t''
3072\t''
4096\t''
8192\t''"
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from import" -l keys -d 'Folder of keys [default: $SEALER_KEYS or the local key store]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from export" -l keys -d 'Folder of keys [default: $SEALER_KEYS or the local key store]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from export" -s o -l output -d 'Write to a file that only its owner can read' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the keys of a folder, newest first'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "new" -d 'Make a new key, which seals from now on'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "import" -d 'Copy keys of a cluster\'s backup into a folder'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "export" -d 'Print the keys of a folder as Secrets, for a backup or to apply to a cluster'
complete -c sealer -n "__fish_sealer_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand local" -l out -d 'Where results go: sealed/ and secrets/ below it [default: below $XDG_STATE_HOME/sealer]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand local" -s n -l namespace -d 'Namespace of Secrets that name none' -r
complete -c sealer -n "__fish_sealer_using_subcommand local" -l keys -d 'Folder of keys [default: $SEALER_KEYS or the local key store]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand local" -l key-renew-period -d 'Age at which the newest key gets a successor, such as 720h or 30d; 0 means never' -r
complete -c sealer -n "__fish_sealer_using_subcommand local" -l key-ttl -d 'How long the certificate of a new key may seal' -r
complete -c sealer -n "__fish_sealer_using_subcommand local" -l key-size -d 'Length of a new RSA key' -r -f -a "2048\t''
3072\t''
4096\t''
8192\t''"
complete -c sealer -n "__fish_sealer_using_subcommand local" -l in-place -d 'Write SealedSecrets beside their sources, as NAME.sealed.yaml, ready to commit'
complete -c sealer -n "__fish_sealer_using_subcommand local" -l watch -d 'Keep at it: react to changes, heal at once, renew keys on schedule'
complete -c sealer -n "__fish_sealer_using_subcommand local" -l json -d 'Print what was done as JSON, one line a pass'
complete -c sealer -n "__fish_sealer_using_subcommand local" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -s w -l output -d 'Write to a file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l name -d 'Take standard input for a file of this name: it says the format and the rule' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l output-type -d 'Format of the output [default: that of the input]' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l age -d 'Encrypt for this age recipient; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l pgp -d 'Encrypt for this PGP fingerprint; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l hc-vault-transit -d 'Encrypt for this Vault transit URI; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l unencrypted-suffix -d 'Leave values readable under keys that end like this' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l encrypted-suffix -d 'Encrypt only values under keys that end like this' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l unencrypted-regex -d 'Leave values readable under keys that match' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l encrypted-regex -d 'Encrypt only values under keys that match' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l unencrypted-comment-regex -d 'Leave values readable below comments that match' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l encrypted-comment-regex -d 'Encrypt only values below comments that match' -r
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l config -d 'Use this configuration [default: the first .sops.yaml from the file\'s folder upwards]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -s i -l in-place -d 'Write the files back; without it, one file is printed to standard output'
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l mac-only-encrypted -d 'Let only encrypted values count for the MAC, so that others can change the rest'
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -l json -d 'Print what was done as JSON; with --in-place'
complete -c sealer -n "__fish_sealer_using_subcommand encrypt" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -s w -l output -d 'Write one file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l out-dir -d 'Write the files into a folder, under their own names' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l name -d 'Take standard input for a file of this name: it says the format' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l output-type -d 'Format of the output [default: that of the input]' -r
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -s i -l in-place -d 'Write the files back'
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l dangerous-ignore-mac -d 'Show a file even if its MAC does not fit: whoever changed it had no key'
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -l json -d 'Print what was done as JSON; with --in-place or --out-dir'
complete -c sealer -n "__fish_sealer_using_subcommand decrypt" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand edit" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand edit" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand edit" -l config -d 'Use this configuration [default: the first .sops.yaml from the file\'s folder upwards]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand edit" -l dangerous-ignore-mac -d 'Edit a file even if its MAC does not fit: whoever changed it had no key'
complete -c sealer -n "__fish_sealer_using_subcommand edit" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand exec-env" -l user -d 'Run it as this user; only root may' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-env" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-env" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-env" -l pristine -d 'Give the program nothing of our own environment'
complete -c sealer -n "__fish_sealer_using_subcommand exec-env" -l same-process -d 'Become the program instead of waiting for it'
complete -c sealer -n "__fish_sealer_using_subcommand exec-env" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -l user -d 'Run it as this user; only root may' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -l filename -d 'Call it this' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -l output-type -d 'Format of the plaintext [default: that of the file]' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -l no-fifo -d 'Hand over a file instead of a pipe: for programs that read it twice, or look at its size'
complete -c sealer -n "__fish_sealer_using_subcommand exec-file" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand extract" -s w -l output -d 'Write to a file that only its owner can read' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand extract" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand extract" -l output-type -d 'Format of a value that has parts [default: that of the input]' -r
complete -c sealer -n "__fish_sealer_using_subcommand extract" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand extract" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand set" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand set" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand set" -l value-file -d 'Read the value from this file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand set" -l text -d 'Take the value as text, whatever it looks like'
complete -c sealer -n "__fish_sealer_using_subcommand set" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand unset" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand unset" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand unset" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l add-age -d 'Add this age recipient; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l add-pgp -d 'Add this PGP fingerprint; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l add-hc-vault-transit -d 'Add this Vault transit URI; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l rm-age -d 'Remove this age recipient; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l rm-pgp -d 'Remove this PGP fingerprint; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l rm-hc-vault-transit -d 'Remove this Vault transit URI; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l decryption-order -d 'Try keys of these kinds first, in this order [default: age,pgp]' -r
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -l json -d 'Print what was done as JSON'
complete -c sealer -n "__fish_sealer_using_subcommand rotate" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand updatekeys" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand updatekeys" -l config -d 'Use this configuration [default: the first .sops.yaml from the file\'s folder upwards]' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand updatekeys" -s y -l yes -d 'Do not ask'
complete -c sealer -n "__fish_sealer_using_subcommand updatekeys" -l dry-run -d 'Say what would change, write nothing, and end with status 2 if something would'
complete -c sealer -n "__fish_sealer_using_subcommand updatekeys" -l json -d 'Print what was done as JSON'
complete -c sealer -n "__fish_sealer_using_subcommand updatekeys" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and not __fish_seen_subcommand_from add delete help" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and not __fish_seen_subcommand_from add delete help" -f -a "add" -d 'Add a group of keys'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and not __fish_seen_subcommand_from add delete help" -f -a "delete" -d 'Remove a group of keys'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and not __fish_seen_subcommand_from add delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from add" -l threshold -d 'How many groups are needed from now on [default: as before, all if that is not set]' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from add" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from add" -l age -d 'Encrypt for this age recipient; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from add" -l pgp -d 'Encrypt for this PGP fingerprint; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from add" -l hc-vault-transit -d 'Encrypt for this Vault transit URI; may be repeated' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from delete" -l threshold -d 'How many groups are needed from now on [default: as before, all if that is not set]' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from delete" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a group of keys'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Remove a group of keys'
complete -c sealer -n "__fish_sealer_using_subcommand groups; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand filestatus" -l input-type -d 'Format of the input [default: what the name of the file says]' -r
complete -c sealer -n "__fish_sealer_using_subcommand filestatus" -l strict -d 'End with status 2 if a file is not encrypted'
complete -c sealer -n "__fish_sealer_using_subcommand filestatus" -l json -d 'Print JSON'
complete -c sealer -n "__fish_sealer_using_subcommand filestatus" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand render" -s n -l namespace -d 'Namespace of objects that name none' -r
complete -c sealer -n "__fish_sealer_using_subcommand render" -l template-left-delimiter -d 'What the actions of templates begin with, as in the controller' -r
complete -c sealer -n "__fish_sealer_using_subcommand render" -l template-right-delimiter -d 'What the actions of templates end with' -r
complete -c sealer -n "__fish_sealer_using_subcommand render" -s o -l format -d 'Language of the output [default: YAML]' -r -f -a "json\t'JSON'
yaml\t'YAML'"
complete -c sealer -n "__fish_sealer_using_subcommand render" -s w -l output -d 'Write to a file that only its owner can read' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand render" -l show-values -d 'Print the values instead of their lengths'
complete -c sealer -n "__fish_sealer_using_subcommand render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -l property -d 'A part of it' -r
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -l version -d 'A version of it [default: the newest]' -r
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -l store -d 'Name of the store, where the file holds several' -r
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -l with -d 'File or folder with Secrets and ConfigMaps that the store names' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -s n -l namespace -d 'Namespace of objects that name none, and for which a ClusterSecretStore is asked' -r
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -s w -l output -d 'Write to a file that only its owner can read' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -l metadata -d 'Print what the store tells of the secret, such as tags, instead of its value'
complete -c sealer -n "__fish_sealer_using_subcommand fetch" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand run" -s n -l namespace -d 'Namespace of objects that name none' -r
complete -c sealer -n "__fish_sealer_using_subcommand run" -l pristine -d 'Give the program nothing of our own environment'
complete -c sealer -n "__fish_sealer_using_subcommand run" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand explain" -s n -l namespace -d 'Its namespace' -r
complete -c sealer -n "__fish_sealer_using_subcommand explain" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand explain" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand explain" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand explain" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand explain" -l json -d 'Print JSON'
complete -c sealer -n "__fish_sealer_using_subcommand explain" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and not __fish_seen_subcommand_from print diff apply help" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and not __fish_seen_subcommand_from print diff apply help" -f -a "print" -d 'Print ours, as YAML'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and not __fish_seen_subcommand_from print diff apply help" -f -a "diff" -d 'Tell what the cluster\'s lack or have beside ours; exit status 3 if one is absent or another'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and not __fish_seen_subcommand_from print diff apply help" -f -a "apply" -d 'Install or update the cluster\'s'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and not __fish_seen_subcommand_from print diff apply help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from print" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -l json -d 'Print JSON'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -l external-secrets -d 'Those of ExternalSecrets and their stores too'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -l force -d 'Replace a definition that has fields which ours lacks; the server forgets them in every object that is written then'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -l external-secrets -d 'Those of ExternalSecrets and their stores too'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from help" -f -a "print" -d 'Print ours, as YAML'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Tell what the cluster\'s lack or have beside ours; exit status 3 if one is absent or another'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Install or update the cluster\'s'
complete -c sealer -n "__fish_sealer_using_subcommand crds; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l service-account -d 'Service account of the controller [default: its name]' -r
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l controller-namespace -d 'Namespace of the controller\'s Service' -r
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l controller-name -d 'Name of the controller\'s Service (`sealed-secrets` if the Helm chart installed it)' -r
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l kubeconfig -d 'Kubeconfig file' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l context -d 'Context of the kubeconfig' -r
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l dry-run -d 'Say what would change, and write nothing; exit status 6 while the other controller runs or stands in the way'
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -l json -d 'Print JSON'
complete -c sealer -n "__fish_sealer_using_subcommand migrate" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand completions" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand man" -l out-dir -d 'Folder to write the page of every command into' -r -F
complete -c sealer -n "__fish_sealer_using_subcommand man" -s h -l help -d 'Print help'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "seal" -d 'Encrypt Secrets into SealedSecrets that are safe to commit'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "unseal" -d 'Decrypt SealedSecrets with private keys at hand'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "reseal" -d 'Bring SealedSecrets under the newest key'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "verify" -d 'Check SealedSecrets, with or without private keys'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "cert" -d 'Print or describe a certificate'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "keys" -d 'Look after a folder of sealing keys'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "local" -d 'Play cluster in a folder: seal, unseal and heal without one'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "encrypt" -d 'Encrypt the values of files for age, PGP and other keys, as sops does'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "decrypt" -d 'Decrypt files whose values are encrypted'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "edit" -d 'Edit an encrypted file, or a new one'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "exec-env" -d 'Run a program with the values of an encrypted file in its environment'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "exec-file" -d 'Run a program with a decrypted file that is gone afterwards'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "extract" -d 'Print one value of an encrypted file'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "set" -d 'Set one value of an encrypted file'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "unset" -d 'Remove one value of an encrypted file'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "rotate" -d 'Bring files under a new data key'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "updatekeys" -d 'Bring files under the keys that .sops.yaml names'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "groups" -d 'Add or remove key groups of a file'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "filestatus" -d 'Say whether files are encrypted'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "render" -d 'Show the Secrets that ExternalSecrets yield, without a cluster'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "fetch" -d 'Print one secret of a store, without a cluster'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "run" -d 'Run a program with what ExternalSecrets yield in its environment'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "explain" -d 'Say what became of a SealedSecret, an ExternalSecret or a store in the cluster, and what comes next'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "crds" -d 'Compare or install the custom resource definitions of a cluster'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "migrate" -d 'Move a cluster from the Sealed Secrets controller to ours'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "kubeseal" -d 'Speak kubeseal\'s command line: its flags, messages and exit codes'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "sops" -d 'Speak sops\'s command line: its commands, flags, messages and exit codes'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "completions" -d 'Print a script that completes commands in a shell'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "man" -d 'Print the manual page, or write all of them into a folder'
complete -c sealer -n "__fish_sealer_using_subcommand help; and not __fish_seen_subcommand_from seal unseal reseal verify cert keys local encrypt decrypt edit exec-env exec-file extract set unset rotate updatekeys groups filestatus render fetch run explain crds migrate kubeseal sops completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "list" -d 'List the keys of a folder, newest first'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "new" -d 'Make a new key, which seals from now on'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "import" -d 'Copy keys of a cluster\'s backup into a folder'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "export" -d 'Print the keys of a folder as Secrets, for a backup or to apply to a cluster'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from groups" -f -a "add" -d 'Add a group of keys'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from groups" -f -a "delete" -d 'Remove a group of keys'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from crds" -f -a "print" -d 'Print ours, as YAML'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from crds" -f -a "diff" -d 'Tell what the cluster\'s lack or have beside ours; exit status 3 if one is absent or another'
complete -c sealer -n "__fish_sealer_using_subcommand help; and __fish_seen_subcommand_from crds" -f -a "apply" -d 'Install or update the cluster\'s'
