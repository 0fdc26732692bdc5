import ChildProcesses
import Foundation
import Testing

/// Certificates for a test, made by `openssl`.
enum Certificates {
    /// Makes `authority.pem`, `server.key`, and the `chain.pem` that a server with the flaw presents.
    static func make(in directory: URL, _ flaw: Flaw) throws {
        // Only `openssl ca` can set both dates.
        let configuration = """
            [ca]
            default_ca = authority
            [authority]
            database = index.txt
            new_certs_dir = .
            serial = serial
            default_md = sha256
            policy = policy
            unique_subject = no
            copy_extensions = copy
            [policy]
            commonName = supplied
            """
        let names = flaw.alternativeNames.isEmpty ? "" : "-addext 'subjectAltName=\(flaw.alternativeNames)'"
        let signer =
            switch flaw {
            case .unknownAuthority: "stranger"
            case .signedByLeaf: "leaf"
            default: "authority"
            }
        let script = """
            set -e
            printf '%s\\n' '\(configuration)' > ca.cnf
            : > index.txt
            echo 01 > serial
            key='ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
            day() { date -u -d "$1 days" +%Y%m%d%H%M%SZ; }
            authority() { openssl req -x509 -newkey $key -keyout "$1.key" -out "$1.pem" -subj "/CN=Test $1" -days 2; }
            request() { openssl req -newkey $key -keyout "$1.key" -out "$1.csr" "${@:2}"; }
            sign() {
                openssl ca -batch -notext -config ca.cnf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.pem" \\
                    -startdate "$(day "$3")" -enddate "$(day "$4")"
            }
            authority authority
            case \(signer) in
            stranger) authority stranger ;;
            leaf)
                request leaf -subj '/CN=Test leaf' -addext basicConstraints=critical,CA:FALSE
                sign leaf authority -1 1
                ;;
            esac
            request server -subj '/CN=\(flaw.commonName)' -addext extendedKeyUsage=\(flaw.purpose) \(names)
            if [ \(flaw) = selfSigned ]; then
                openssl x509 -req -in server.csr -signkey server.key -copy_extensions copy -out server.pem -days 2
            else
                sign server \(signer) \(flaw.days.first) \(flaw.days.last)
            fi
            cp server.pem chain.pem
            if [ \(signer) != authority ]; then cat \(signer).pem >> chain.pem; fi
            """
        let (status, text) = try ChildProcess.run(["bash", "-c", script], in: directory, mergesErrors: true)
        try #require(status == 0, "\(String(decoding: text, as: UTF8.self))")
    }
}
