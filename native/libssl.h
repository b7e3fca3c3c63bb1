/*
 * What native/openssl.c uses of libssl.so.3 and libcrypto.so.3: names, types and numbers, which are the same in all of OpenSSL 3.x
 * (from 3.0.2 on). Each function is a pointer that is set when the libraries are loaded.
 */
#include <stddef.h>
#include <stdint.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_session_st SSL_SESSION;
typedef struct bio_st BIO;
typedef struct x509_st X509;
typedef struct x509_store_ctx_st X509_STORE_CTX;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct stack_st STACK;

typedef void on_message(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl, void *argument);
typedef int on_extension(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *length, X509 *x, size_t index,
                         int *alert, void *argument);

#define LIBCRYPTO(use) \
  use(unsigned long, OpenSSL_version_num, (void)) \
  use(void, ERR_clear_error, (void)) \
  use(unsigned long, ERR_get_error, (void)) \
  use(unsigned long, ERR_peek_last_error, (void)) \
  use(const char *, ERR_reason_error_string, (unsigned long)) \
  use(const void *, BIO_s_mem, (void)) \
  use(BIO *, BIO_new, (const void *)) \
  use(int, BIO_free, (BIO *)) \
  use(int, BIO_write, (BIO *, const void *, int)) \
  use(int, BIO_read, (BIO *, void *, int)) \
  use(size_t, BIO_ctrl_pending, (BIO *)) \
  use(X509 *, d2i_X509, (X509 **, const unsigned char **, long)) \
  use(int, i2d_X509, (const X509 *, unsigned char **)) \
  use(const void *, X509_get_X509_PUBKEY, (const X509 *)) \
  use(int, i2d_X509_PUBKEY, (const void *, unsigned char **)) \
  use(void, X509_free, (void *)) \
  use(STACK *, X509_chain_up_ref, (STACK *)) \
  use(STACK *, X509_STORE_CTX_get0_untrusted, (const X509_STORE_CTX *)) \
  use(void, X509_STORE_CTX_set_error, (X509_STORE_CTX *, int)) \
  use(void *, OPENSSL_sk_value, (const STACK *, int)) \
  use(int, OPENSSL_sk_num, (const STACK *)) \
  use(void, OPENSSL_sk_pop_free, (STACK *, void (*)(void *))) \
  use(EVP_PKEY *, d2i_AutoPrivateKey, (EVP_PKEY **, const unsigned char **, long)) \
  use(void, EVP_PKEY_free, (EVP_PKEY *)) \
  use(void *, CRYPTO_malloc, (size_t, const char *, int)) \
  use(void, CRYPTO_free, (void *, const char *, int))

#define LIBSSL(use) \
  use(int, OPENSSL_init_ssl, (uint64_t, const void *)) \
  use(const void *, TLS_method, (void)) \
  use(SSL_CTX *, SSL_CTX_new, (const void *)) \
  use(void, SSL_CTX_free, (SSL_CTX *)) \
  use(long, SSL_CTX_ctrl, (SSL_CTX *, int, long, void *)) \
  use(uint64_t, SSL_CTX_set_options, (SSL_CTX *, uint64_t)) \
  use(void, SSL_CTX_set_security_level, (SSL_CTX *, int)) \
  use(int, SSL_CTX_set_cipher_list, (SSL_CTX *, const char *)) \
  use(int, SSL_CTX_set_ciphersuites, (SSL_CTX *, const char *)) \
  use(void, SSL_CTX_set_cert_verify_callback, (SSL_CTX *, int (*)(X509_STORE_CTX *, void *), void *)) \
  use(void, SSL_CTX_set_alpn_select_cb, \
      (SSL_CTX *, int (*)(SSL *, const unsigned char **, unsigned char *, const unsigned char *, unsigned, void *), void *)) \
  use(long, SSL_CTX_callback_ctrl, (SSL_CTX *, int, void (*)(void))) \
  use(void, SSL_CTX_set_client_hello_cb, (SSL_CTX *, int (*)(SSL *, int *, void *), void *)) \
  use(void, SSL_CTX_sess_set_new_cb, (SSL_CTX *, int (*)(SSL *, SSL_SESSION *))) \
  use(long, SSL_CTX_set_timeout, (SSL_CTX *, long)) \
  use(int, SSL_CTX_add_custom_ext, \
      (SSL_CTX *, unsigned, unsigned, on_extension *, void *, void *, void *, void *)) \
  use(SSL *, SSL_new, (SSL_CTX *)) \
  use(void, SSL_free, (SSL *)) \
  use(int, SSL_set_ex_data, (SSL *, int, void *)) \
  use(void *, SSL_get_ex_data, (const SSL *, int)) \
  use(void, SSL_set_bio, (SSL *, BIO *, BIO *)) \
  use(void, SSL_set_connect_state, (SSL *)) \
  use(void, SSL_set_accept_state, (SSL *)) \
  use(long, SSL_ctrl, (SSL *, int, long, void *)) \
  use(void, SSL_set_msg_callback, (SSL *, on_message *)) \
  use(void, SSL_set_cert_cb, (SSL *, int (*)(SSL *, void *), void *)) \
  use(void, SSL_set_verify, (SSL *, int, void *)) \
  use(int, SSL_set_alpn_protos, (SSL *, const unsigned char *, unsigned)) \
  use(int, SSL_set_session, (SSL *, SSL_SESSION *)) \
  use(int, SSL_set_session_id_context, (SSL *, const unsigned char *, unsigned)) \
  use(int, SSL_set_num_tickets, (SSL *, size_t)) \
  use(int, SSL_use_certificate, (SSL *, X509 *)) \
  use(int, SSL_use_PrivateKey, (SSL *, EVP_PKEY *)) \
  use(int, SSL_do_handshake, (SSL *)) \
  use(int, SSL_read, (SSL *, void *, int)) \
  use(int, SSL_write, (SSL *, const void *, int)) \
  use(int, SSL_shutdown, (SSL *)) \
  use(int, SSL_key_update, (SSL *, int)) \
  use(int, SSL_new_session_ticket, (SSL *)) \
  use(int, SSL_get_error, (const SSL *, int)) \
  use(int, SSL_get_shutdown, (const SSL *)) \
  use(int, SSL_version, (const SSL *)) \
  use(const void *, SSL_get_current_cipher, (const SSL *)) \
  use(uint16_t, SSL_CIPHER_get_protocol_id, (const void *)) \
  use(int, SSL_get_peer_signature_type_nid, (const SSL *, int *)) \
  use(SSL_SESSION *, SSL_get_session, (const SSL *)) \
  use(int, SSL_session_reused, (const SSL *)) \
  use(void, SSL_get0_alpn_selected, (const SSL *, const unsigned char **, unsigned *)) \
  use(int, SSL_export_keying_material, \
      (SSL *, unsigned char *, size_t, const char *, size_t, const unsigned char *, size_t, int)) \
  use(SSL_SESSION *, d2i_SSL_SESSION, (SSL_SESSION **, const unsigned char **, long)) \
  use(int, i2d_SSL_SESSION, (const SSL_SESSION *, unsigned char **)) \
  use(unsigned long, SSL_SESSION_get_ticket_lifetime_hint, (const SSL_SESSION *)) \
  use(void, SSL_SESSION_free, (SSL_SESSION *))

/* openssl/crypto.h, ssl.h, tls1.h */
enum {
  OPENSSL_INIT_NO_LOAD_CONFIG = 0x80,
  OPENSSL_INIT_NO_ATEXIT = 0x80000,
  SSL_CTRL_SET_MSG_CALLBACK_ARG = 16,
  SSL_CTRL_MODE = 33,
  SSL_CTRL_SET_SESS_CACHE_MODE = 44,
  SSL_CTRL_SET_TLSEXT_HOSTNAME = 55,
  SSL_CTRL_SET_TLSEXT_TICKET_KEYS = 59,
  SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB = 63,
  SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE = 65,
  SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP = 70,
  SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP = 71,
  SSL_CTRL_CHAIN_CERT = 89,
  SSL_CTRL_SET_GROUPS_LIST = 92,
  SSL_CTRL_SET_SIGALGS_LIST = 98,
  SSL_CTRL_SET_CLIENT_SIGALGS_LIST = 102,
  SSL_CTRL_GET_PEER_SIGNATURE_NID = 108,
  SSL_CTRL_GET_EXTMS_SUPPORT = 122,
  SSL_CTRL_SET_MIN_PROTO_VERSION = 123,
  SSL_CTRL_SET_MAX_PROTO_VERSION = 124,
  SSL_CTRL_GET_NEGOTIATED_GROUP = 134,
  SSL_CTRL_SET_RETRY_VERIFY = 136,
  SSL_MODE_NO_AUTO_CHAIN = 0x8,
  SSL_MODE_RELEASE_BUFFERS = 0x10,
  SSL_SESS_CACHE_CLIENT_NO_INTERNAL = 0x301,
  SSL_EXT_TLS1_3_NEW_SESSION_TICKET = 0x2000,
  SSL_CLIENT_HELLO_SUCCESS = 1,
  SSL_CLIENT_HELLO_RETRY = -1,
  SSL_TLSEXT_ERR_OK = 0,
  SSL_TLSEXT_ERR_ALERT_FATAL = 2,
  SSL_TLSEXT_ERR_NOACK = 3,
  TLSEXT_STATUSTYPE_ocsp = 1,
  SSL_KEY_UPDATE_REQUESTED = 1,
  ERR_LIB_SSL = 20,
  SSL_R_RECORD_LAYER_FAILURE = 313,
  SSL_ERROR_SSL = 1,
  SSL_ERROR_SYSCALL = 5,
  SSL_ERROR_ZERO_RETURN = 6,
  SSL_RECEIVED_SHUTDOWN = 2,
};

#define DECLARE(type, name, parameters) static type (*name) parameters;
LIBCRYPTO(DECLARE)
LIBSSL(DECLARE)
