#!/bin/sh
# Lets a gateway (an agent with [[remote]] entries) ask hosts over SSH: makes a user there, installs the gate and the key that may do
# nothing but ask it. Run it where you are an administrator of the hosts; your own ssh is used. --help says how.
# Exit codes: 0 done on every host, 1 failed on at least one, 2 the command line cannot be used.
set -eu
umask 022

usage() {
  cat <<'TEXT'
Usage: deploy-key.sh [options] PUBLIC_KEY USER HOST...

  PUBLIC_KEY       file with the gateway's public key (ssh-keygen -t ed25519 -N '' -f /etc/hostwire/id_ed25519 makes a pair)
  USER             system user to make on the hosts, for this alone: hostwire
  HOST             as your ssh takes it: host, admin@host or a name of ~/.ssh/config; there you are root or may use sudo -n

  --port PORT      sshd's port (default: what your ssh has)
  --sudoers FILE   lines for /etc/sudoers.d/hostwire-gate; hostwire-agent doctor --sudoers prints those of a host
  --group GROUP    a group that USER is put in, such as docker (which is as good as root); may be given more than once
  --dry-run        print what would be done, and do nothing
  --help           print this

Standard output gets the hosts' keys, as lines for the gateway's known_hosts. The rest is told on standard error.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

fail() { # fail SENTENCE [EXIT_CODE]
  say "deploy-key.sh: $1"
  exit "${2:-2}"
}

port='' sudoers='' groups='' dry_run=false
while [ $# -gt 0 ]; do
  case $1 in
    --port | --sudoers | --group)
      [ $# -gt 1 ] || fail "$1 needs a value; --help lists the options"
      case $1 in
        --port) port=$2 ;;
        --sudoers) sudoers=$2 ;;
        --group) groups="$groups $2" ;;
      esac
      shift 2
      ;;
    --dry-run)
      dry_run=true
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    --)
      shift
      break
      ;;
    -*) fail "unknown option $1; --help lists the options" ;;
    *) break ;;
  esac
done
[ $# -ge 3 ] || fail 'a public key, a user and at least one host are needed; --help says more'
key_file=$1
user=$2
shift 2

gate_file=$(dirname "$0")/gate/hostwire-gate
[ -r "$gate_file" ] || fail "$gate_file is not there: this script works from the folder that it came in"
case $port in *[!0-9]*) fail "--port $port is no port" ;; esac
case $user in
  root) fail 'USER is to be a user for this alone, not root' ;;
  [!a-z_]* | *[!a-z0-9_-]* | '') fail "USER $user is no name of a user: a-z 0-9 _ -" ;;
esac
[ ${#user} -le 32 ] || fail "USER $user is too long"
for group in $groups; do
  case $group in [!a-z_]* | *[!a-z0-9_-]*) fail "--group $group is no name of a group" ;; esac
done

[ -r "$key_file" ] || fail "PUBLIC_KEY $key_file cannot be read"
! grep -q 'PRIVATE KEY' "$key_file" || fail "PUBLIC_KEY $key_file is a private key; name the one that ends in .pub"
[ "$(grep -c . "$key_file")" -eq 1 ] || fail "PUBLIC_KEY $key_file is to hold one line"
read -r type blob comment <"$key_file" || :
case $type in
  ssh-ed25519 | ecdsa-sha2-nistp256 | ecdsa-sha2-nistp384 | ecdsa-sha2-nistp521 | ssh-rsa | sk-ssh-ed25519@openssh.com) ;;
  *) fail "PUBLIC_KEY $key_file does not begin with the type of a key (ssh-ed25519 ...)" ;;
esac
case $blob in '' | *[!A-Za-z0-9+/=]*) fail "PUBLIC_KEY $key_file is no public key" ;; esac
comment=$(printf '%s' "${comment-}" | tr -cd 'A-Za-z0-9@._-' | cut -c1-64)

if [ -n "$sudoers" ]; then
  [ -r "$sudoers" ] || fail "--sudoers $sudoers cannot be read"
  # Each line is to be about this user alone.
  if grep -Ev '^[[:space:]]*(#.*)?$' "$sudoers" | grep -Evq "^${user}[[:space:]]"; then
    fail "--sudoers $sudoers has a line that does not begin with $user"
  fi
  ! grep -q '^HOSTWIRE_END$' "$sudoers" || fail "--sudoers $sudoers is no file for sudo"
fi

# What runs on each host as root. Nothing of it is changed by anything that a host says.
remote_script() {
  cat <<TEXT
set -eu
umask 022
user=$user
groups='$groups'
key='restrict,command="/usr/local/lib/hostwire/hostwire-gate" $type $blob${comment:+ $comment}'
blob='$blob'
TEXT
  cat <<'TEXT'
fail() {
  echo "$1" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
home=/var/lib/$user

if ! id "$user" >/dev/null 2>&1; then
  if have useradd; then
    # `*` is no password; the `!` of a new user would lock the account, which sshd refuses without PAM.
    useradd --system --user-group --no-create-home --home-dir "$home" --shell /bin/sh --password '*' "$user"
  else
    addgroup -S "$user" 2>/dev/null || :
    adduser -S -D -H -h "$home" -s /bin/sh -G "$user" "$user"
    sed -i "s/^$user:!:/$user:*:/" /etc/shadow
  fi
  echo "user $user made"
fi
[ "$(id -u "$user")" -ne 0 ] || fail "$user is root here; choose another name"
entry=$(grep "^$user:" /etc/passwd) || fail "$user is not in /etc/passwd here; choose the name of a user of this machine alone"
home=$(printf '%s' "$entry" | cut -d: -f6)
case ${entry##*:} in
  */nologin | */false) fail "the shell of $user is ${entry##*:}, by which sshd runs no gate: usermod -s /bin/sh $user" ;;
esac
case $home in /var/lib/* | /home/* | /opt/* | /srv/*) ;; *) fail "the home of $user is $home; choose a user for this alone" ;; esac
# A folder that this script made is root's already.
[ ! -d "$home" ] || [ -n "$(find "$home" -maxdepth 0 -user root)" ] || fail "$home belongs to somebody who works here; choose a user for this alone"
own=$(id -gn "$user")
for group in $groups; do
  if have usermod; then usermod -aG "$group" "$user"; else addgroup "$user" "$group"; fi
done

# All of it is root's: the user may read and run, and not change what it may do.
install_file() { # install_file MODE OWNER PATH: from standard input, at once or not at all
  cat >"$3.new"
  chmod "$1" "$3.new"
  chown "$2" "$3.new"
  mv -f "$3.new" "$3"
}
mkdir -p /usr/local/lib/hostwire
gate | install_file 0755 root:root /usr/local/lib/hostwire/hostwire-gate
mkdir -p "$home/.ssh"
chown "root:$own" "$home" "$home/.ssh"
chmod 0750 "$home" "$home/.ssh"
keys=$home/.ssh/authorized_keys
[ ! -L "$keys" ] || fail "$keys is a link; remove it"
{
  [ ! -e "$keys" ] || grep -vF " $blob" "$keys" || :
  printf '%s\n' "$key"
} | install_file 0640 "root:$own" "$keys"

if [ -n "$(sudo_lines)" ]; then
  have visudo || fail 'there is no visudo here, so no sudo that its lines could be for'
  mkdir -p /etc/sudoers.d
  sudo_lines >/etc/sudoers.d/.hostwire-gate
  visudo -cqf /etc/sudoers.d/.hostwire-gate || {
    rm -f /etc/sudoers.d/.hostwire-gate
    fail 'visudo does not take the lines of --sudoers'
  }
  sudo_lines | install_file 0440 root:root /etc/sudoers.d/hostwire-gate
  rm -f /etc/sudoers.d/.hostwire-gate
fi

as_user() { # as_user REQUEST: what the gate says to it
  SSH_ORIGINAL_COMMAND=$1 SSH_CLIENT='deploy-key 0 0' su -p -s /bin/sh "$user" -c /usr/local/lib/hostwire/hostwire-gate 2>&1 </dev/null
}
case $(as_user 'hostwire-1 hello 00000000000000000000000000000000 5' | tr -d '\000') in
  *'gate '[0-9]*) ;;
  *) fail "the gate does not answer as $user: $(as_user 'hostwire-1 hello 00000000000000000000000000000000 5' | tr -cd 'A-Za-z0-9 .:/_-' | cut -c1-200)" ;;
esac
case $(as_user 'id') in
  'hostwire-gate: refused:'*) ;;
  *) fail 'the gate does not refuse what it must refuse' ;;
esac
echo "gate and key installed for $user; the gate answers, and refuses"
for file in /etc/ssh/ssh_host_*_key.pub; do
  [ ! -r "$file" ] || sed -n 's/^\([a-z0-9@.-]* [A-Za-z0-9+/=]*\).*/HOSTKEY \1/p' "$file"
done
TEXT
}

# The files that go along, as functions that print them.
attached() {
  printf 'gate() {\ncat <<'\''HOSTWIRE_END'\''\n'
  cat "$gate_file"
  printf 'HOSTWIRE_END\n}\nsudo_lines() {\n'
  if [ -n "$sudoers" ]; then
    printf 'cat <<'\''HOSTWIRE_END'\''\n'
    cat "$sudoers"
    printf '\nHOSTWIRE_END\n'
  else
    printf ':\n'
  fi
  printf '}\n'
}

nonce=00000000000000000000000000000000
private_key=${key_file%.pub}
failed=''
for host in "$@"; do
  case $host in
    -* | *[!A-Za-z0-9._@:%+-]*)
      say "$host: is no host for ssh; left out"
      failed="$failed $host"
      continue
      ;;
  esac
  if $dry_run; then
    say "$host: would make the user $user, install /usr/local/lib/hostwire/hostwire-gate and the key $type ...${comment:+ ($comment)}${groups:+, groups$groups}${sudoers:+, /etc/sudoers.d/hostwire-gate}"
    continue
  fi
  # shellcheck disable=SC2016 # they are for the host
  if answer=$({ attached && remote_script; } | ssh ${port:+-p "$port"} -- "$host" 'if [ "$(id -u)" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi' 2>&1); then
    printf '%s\n' "$answer" | grep -v '^HOSTKEY ' | tr -cd '\n -~' | sed "s/^/$host: /" >&2
  else
    printf '%s\n' "$answer" | tr -cd '\n -~' | tail -n 5 | sed "s/^/$host: /" >&2
    say "$host: failed; it must let you in as root, or as a user who may use sudo without a password"
    failed="$failed $host"
    continue
  fi
  address=${host##*@}
  name=$address
  [ -z "$port" ] || [ "$port" = 22 ] || name="[$address]:$port"
  printf '%s\n' "$answer" | sed -n "s/^HOSTKEY \\([a-z0-9@.-]* [A-Za-z0-9+/=]*\\)$/$name \\1/p"
  if [ "$private_key" != "$key_file" ] && [ -r "$private_key" ]; then
    if ssh ${port:+-p "$port"} -i "$private_key" -o IdentitiesOnly=yes -o BatchMode=yes -l "$user" -- "$address" "hostwire-1 hello $nonce 5" </dev/null 2>/dev/null | tr -d '\000' | grep -q 'gate [0-9]'; then
      say "$host: the gate answers by the key"
    else
      say "$host: the gate does not answer by the key; does sshd there let $user in (AllowUsers, AuthorizedKeysFile)?"
      failed="$failed $host"
    fi
  fi
done
[ -z "$failed" ] || fail "not done on:$failed" 1
