package exchange

import (
	"crypto"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
)

// channelBinding returns what binds a sign-in to a TLS connection: the MD5 of the structure that GSS-API has for it (RFC 4121
// §4.1.1.2, MS-NLMP 3.1.5.1.2) around tls-server-end-point (RFC 5929 §4), or nil without TLS, and for certificates
// for which that RFC defines none. Exchange 2019 CU14 and later demand it.
func channelBinding(state *tls.ConnectionState) []byte {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	hash := endPoint(state.PeerCertificates[0])
	if hash == nil {
		return nil
	}
	data := append([]byte("tls-server-end-point:"), hash...)
	// Four empty fields for the addresses of both sides, then the length of the data.
	structure := binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data)))
	sum := md5.Sum(append(structure, data...))
	return sum[:]
}

// endPoint hashes a certificate with the hash of its signature, but SHA-256 in place of MD5 and SHA-1 (RFC 5929 §4.1).
func endPoint(cert *x509.Certificate) []byte {
	hash := crypto.SHA256
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	h := hash.New()
	h.Write(cert.Raw)
	return h.Sum(nil)
}
