/*
 * The system's OpenSSL for tlsify: TLS connections on memory BIOs, one function for each thing that src/openssl/ asks of one, as
 * src/openssl/library.ts describes them. No policy: versions, suites, groups and signature schemes come from there, and so does
 * the verdict on each chain of certificates.
 *
 * libssl.so.3 is loaded when it is asked for, and no header of it is needed to compile: libssl.h has what is used of it. A wrong
 * argument is a TypeError or RangeError, and what OpenSSL refuses to be told an Error; how a connection goes is a number.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAPI_VERSION 8
#include <node_api.h>

#include "libssl.h"

/* --- A connection --------------------------------------------------------------------------------------------------------- */

enum {
  MAX_ARGUMENTS = 9,
  MAX_TEXTS = 4,
  TEXT_BYTES = 1024,
  TICKET_KEY_BYTES = 80,
  MAX_SESSIONS = 8,        /* LIMITS.ticketsKept */
  UNDECIDED = -1,
  SECURITY_LEVEL = 2,      /* no key or signature below 112 bits */
  REFUSAL_EXTENSION = 0xff51, /* for private use; it is never sent */
};

/* What the peer said in these messages, for src/openssl/ to read. */
static const uint8_t KEPT_MESSAGES[] = {1 /* ClientHello */, 2 /* ServerHello */, 13 /* CertificateRequest */};
enum { KEPT_COUNT = sizeof KEPT_MESSAGES };

struct bytes {
  uint8_t *at;
  size_t length;
};

struct connection {
  SSL_CTX *context;
  SSL *ssl; /* NULL once it is released */
  BIO *received, *sent;
  bool server, chosen;
  int verdict; /* UNDECIDED, or an X509_V_ERR_ code, 0 for acceptance */
  int refusal; /* the alert with which a server of TLS 1.3 refuses what it has verified late */
  int hellos, bound, alert_sent; /* ClientHellos, and how many of them when tickets were bound last */
  unsigned long error;
  STACK *chain;
  struct bytes protocols, messages[KEPT_COUNT];
  size_t session_count;
  SSL_SESSION *sessions[MAX_SESSIONS];
  long ticket_lifetime;
};

static void release(struct connection *t) {
  if (t->chain != NULL) OPENSSL_sk_pop_free(t->chain, X509_free);
  while (t->session_count > 0) SSL_SESSION_free(t->sessions[--t->session_count]);
  if (t->ssl != NULL) SSL_free(t->ssl); /* and its BIOs */
  if (t->context != NULL) SSL_CTX_free(t->context);
  free(t->protocols.at);
  for (size_t index = 0; index < KEPT_COUNT; index++) free(t->messages[index].at);
  memset(t, 0, sizeof *t);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  release(data);
  free(data);
}

static bool keep(struct bytes *to, const void *bytes, size_t length) {
  uint8_t *copy = malloc(length + 1);
  if (copy == NULL) return false;
  memcpy(copy, bytes, length);
  free(to->at);
  *to = (struct bytes){copy, length};
  return true;
}

/* --- What OpenSSL asks, and what it is told to forget ---------------------------------------------------------------------- */

static void note_message(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl, void *argument) {
  struct connection *t = argument;
  const uint8_t *message = bytes;
  (void)version, (void)ssl;
  if (type == 21 && sent && length == 2) t->alert_sent = message[1];
  if (type != 22 || length < 4) return;
  if (message[0] == 1) t->hellos++;
  for (size_t index = 0; !sent && index < KEPT_COUNT; index++)
    if (message[0] == KEPT_MESSAGES[index]) keep(&t->messages[index], message, length);
}

/*
 * A client waits here for the verdict, and says nothing before. OpenSSL's server cannot wait: it goes on, but what it says is not
 * sent, nor anything read, until src/openssl/ has the verdict.
 */
static int verify_chain(X509_STORE_CTX *store, void *argument) {
  struct connection *t = argument;
  if (t->verdict != UNDECIDED) {
    X509_STORE_CTX_set_error(store, t->verdict);
    return t->verdict == 0;
  }
  if (t->chain != NULL) OPENSSL_sk_pop_free(t->chain, X509_free);
  t->chain = X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(store));
  if (t->chain == NULL) return 0;
  if (t->server) return 1;
  return SSL_ctrl(t->ssl, SSL_CTRL_SET_RETRY_VERIFY, 0, NULL) > 0;
}

/* A server that gives tickets waits here, at each ClientHello: what tickets are bound to is part of what it says. */
static int hear_client(SSL *ssl, int *alert, void *argument) {
  const struct connection *t = argument;
  (void)ssl, (void)alert;
  return t->bound == t->hellos ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_RETRY;
}

static int choose_certificate(SSL *ssl, void *argument) {
  (void)ssl;
  return ((struct connection *)argument)->chosen ? 1 : -1;
}

/* RFC 6066 section 8: the client has asked for a response, and has one if the certificate that was chosen came with it. */
static int staple(SSL *ssl, void *argument) {
  unsigned char *response;
  (void)argument;
  return SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &response) > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* RFC 7301 section 3.2, by our preference. Both lists are what OpenSSL or src/openssl/ has checked: lengths and names. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *theirs, unsigned count,
                           void *argument) {
  const struct bytes *ours = &((struct connection *)argument)->protocols;
  (void)ssl;
  for (size_t mine = 0; mine < ours->length; mine += 1U + ours->at[mine])
    for (unsigned other = 0; other < count && theirs[other] < count - other; other += 1U + theirs[other])
      if (ours->at[mine] == theirs[other] && memcmp(ours->at + mine + 1, theirs + other + 1, theirs[other]) == 0) {
        *out = theirs + other + 1;
        *length = theirs[other];
        return SSL_TLSEXT_ERR_OK;
      }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
  struct connection *t = SSL_get_ex_data(ssl, 0);
  if (t == NULL || t->session_count == MAX_SESSIONS) return 0;
  t->sessions[t->session_count++] = session;
  return 1;
}

/* The way in which a server can send an alert of its own choice once the handshake is over: an extension that cannot be made. */
static int refuse_by_extension(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *length, X509 *x,
                               size_t index, int *alert, void *argument) {
  struct connection *t = argument;
  (void)ssl, (void)type, (void)context, (void)out, (void)length, (void)x, (void)index;
  if (t->refusal == 0) return 0;
  *alert = t->refusal;
  return -1;
}

/* --- Arguments ------------------------------------------------------------------------------------------------------------ */

struct argument {
  long number;
  uint8_t *bytes;
  size_t length;
};

struct call {
  napi_env env;
  const struct entry *entry;
  struct connection *connection;
  bool thrown;
  size_t texts;
  struct argument argument[MAX_ARGUMENTS];
  char text[MAX_TEXTS][TEXT_BYTES];
};

/* Letters: c a connection (the first argument), i int32, b Uint8Array, o Uint8Array or null, a Int32Array, s string. */
struct entry {
  const char *name;
  const char *letters;
  napi_value (*run)(struct call *);
};

#define T (c->connection)
#define NUMBER(n) (c->argument[n].number)
#define BYTES(n) (c->argument[n].bytes)
#define LENGTH(n) (c->argument[n].length)
#define TEXT(n) ((char *)c->argument[n].bytes)

static bool refuse(struct call *c, napi_status (*throw)(napi_env, const char *, const char *), const char *problem) {
  char message[256];
  snprintf(message, sizeof message, "%s: %s", c->entry->name, problem);
  if (!c->thrown) throw(c->env, NULL, message);
  c->thrown = true;
  return false;
}

/* OpenSSL's last word on what it would not do. */
static napi_value impossible(struct call *c) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  refuse(c, napi_throw_error, reason == NULL ? "OpenSSL refuses" : reason);
  return NULL;
}

static const napi_type_tag CONNECTION_TAG = {0x7c1b3a5e0d9f4e26, 0x91f0c8d2a6b74035};

static bool decode_connection(struct call *c, napi_value value) {
  void *data;
  bool tagged;
  napi_valuetype type;
  if (napi_typeof(c->env, value, &type) != napi_ok || type != napi_external ||
      napi_check_object_type_tag(c->env, value, &CONNECTION_TAG, &tagged) != napi_ok || !tagged ||
      napi_get_value_external(c->env, value, &data) != napi_ok)
    return refuse(c, napi_throw_type_error, "a connection is expected");
  c->connection = data;
  return T->ssl != NULL || refuse(c, napi_throw_type_error, "the connection is released");
}

static bool decode_number(struct call *c, napi_value value, long *number) {
  double exact;
  if (napi_get_value_double(c->env, value, &exact) != napi_ok) return refuse(c, napi_throw_type_error, "a number is expected");
  if (!(exact >= INT32_MIN && exact <= INT32_MAX) || exact != (double)(long)exact)
    return refuse(c, napi_throw_range_error, "a whole number of 32 bits is expected");
  *number = (long)exact;
  return true;
}

static bool decode_array(struct call *c, napi_value value, napi_typedarray_type wanted, struct argument *to) {
  napi_typedarray_type type;
  void *bytes;
  bool typed;
  if (napi_is_typedarray(c->env, value, &typed) != napi_ok || !typed ||
      napi_get_typedarray_info(c->env, value, &type, &to->length, &bytes, NULL, NULL) != napi_ok || type != wanted)
    return refuse(c, napi_throw_type_error, wanted == napi_uint8_array ? "a Uint8Array is expected" : "an Int32Array is expected");
  static int32_t nothing; /* an empty array may have no memory at all */
  to->bytes = to->length == 0 ? (uint8_t *)&nothing : bytes;
  /* OpenSSL's lengths are int. */
  return to->length <= INT32_MAX || refuse(c, napi_throw_range_error, "too many bytes");
}

static bool decode_text(struct call *c, napi_value value, struct argument *to) {
  char *text = c->text[c->texts++];
  if (napi_get_value_string_utf8(c->env, value, NULL, 0, &to->length) != napi_ok)
    return refuse(c, napi_throw_type_error, "a string is expected");
  if (to->length >= TEXT_BYTES) return refuse(c, napi_throw_range_error, "a string is too long");
  if (napi_get_value_string_utf8(c->env, value, text, TEXT_BYTES, &to->length) != napi_ok || strlen(text) != to->length)
    return refuse(c, napi_throw_type_error, "a string without NUL is expected");
  to->bytes = (uint8_t *)text;
  return true;
}

static bool decode(struct call *c, const napi_value *values) {
  struct argument *to = c->argument;
  for (const char *letter = c->entry->letters; *letter != '\0'; letter++, to++, values++) {
    bool good = true;
    napi_valuetype type;
    switch (*letter) {
      case 'c': good = decode_connection(c, *values); break;
      case 'i': good = decode_number(c, *values, &to->number); break;
      case 'o':
        *to = (struct argument){0};
        if (napi_typeof(c->env, *values, &type) == napi_ok && type == napi_null) break;
        /* fall through */
      case 'b': good = decode_array(c, *values, napi_uint8_array, to); break;
      case 'a': good = decode_array(c, *values, napi_int32_array, to); break;
      case 's': good = decode_text(c, *values, to); break;
      default: abort();
    }
    if (!good) return false;
  }
  return true;
}

/* --- Results -------------------------------------------------------------------------------------------------------------- */

static napi_value number(struct call *c, long value) {
  napi_value result;
  return napi_create_int64(c->env, value, &result) == napi_ok ? result : NULL;
}

static napi_value nothing(struct call *c) {
  napi_value result;
  return napi_get_undefined(c->env, &result) == napi_ok ? result : NULL;
}

/* New memory of the runtime, with the bytes that `encode` writes into it; undefined when there are none. */
static napi_value encoded(struct call *c, const void *object, int (*encode)(const void *, unsigned char **)) {
  napi_value buffer, result;
  void *bytes;
  int length = encode(object, NULL);
  if (length <= 0) return nothing(c);
  if (napi_create_arraybuffer(c->env, (size_t)length, &bytes, &buffer) != napi_ok) return NULL;
  unsigned char *end = bytes;
  if (encode(object, &end) != length) return nothing(c);
  return napi_create_typedarray(c->env, napi_uint8_array, (size_t)length, buffer, 0, &result) == napi_ok ? result : NULL;
}

static int encode_bytes(const void *object, unsigned char **out) {
  const struct bytes *bytes = object;
  if (out != NULL) memcpy(*out, bytes->at, bytes->length);
  return (int)bytes->length;
}

static int encode_certificate(const void *object, unsigned char **out) { return i2d_X509(object, out); }
static int encode_session(const void *object, unsigned char **out) { return i2d_SSL_SESSION(object, out); }

/* The last error of libssl, the one that says what was wrong: since 3.2 another stands behind it that says in which layer. */
static unsigned long last_error(void) {
  unsigned long last = 0;
  for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error())
    if (last == 0 || ((error >> 23 & 0xff) == ERR_LIB_SSL && (error & 0x7fffff) != SSL_R_RECORD_LAYER_FAILURE)) last = error;
  return last;
}

/* The result of an operation: what it returned if that is positive, else minus the SSL_ERROR_ code. */
static napi_value outcome(struct call *c, int result) {
  if (result > 0) return number(c, result);
  int code = SSL_get_error(T->ssl, result);
  if (code == SSL_ERROR_SSL || code == SSL_ERROR_SYSCALL) T->error = last_error();
  /* What 3.5 makes of a close_notify behind a user_canceled. Memory has no errors of its own, and a fatal alert is one of libssl. */
  if (code == SSL_ERROR_SYSCALL && T->error == 0 && (SSL_get_shutdown(T->ssl) & SSL_RECEIVED_SHUTDOWN) != 0)
    code = SSL_ERROR_ZERO_RETURN;
  return number(c, -code);
}

/* --- The functions -------------------------------------------------------------------------------------------------------- */

static bool resolve(void *library, const char *name, void **to) {
  *to = dlsym(library, name);
  return *to != NULL;
}

/* Names the symbol that the library lacks, or NULL. */
static const char *resolve_all(void *crypto, void *ssl) {
#define RESOLVE_CRYPTO(type, name, parameters) if (!resolve(crypto, #name, (void **)&name)) return #name;
#define RESOLVE_SSL(type, name, parameters) if (!resolve(ssl, #name, (void **)&name)) return #name;
  LIBCRYPTO(RESOLVE_CRYPTO)
  LIBSSL(RESOLVE_SSL)
  return NULL;
}

/* No configuration file is read: it could name engines and providers to be loaded into this process. */
static napi_value tls_load(struct call *c) {
  static bool loaded;
  if (!loaded) {
    void *crypto = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    void *ssl = crypto == NULL ? NULL : dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    const char *missing = ssl == NULL ? dlerror() : resolve_all(crypto, ssl);
    if (missing != NULL) {
      refuse(c, napi_throw_error, missing);
      return NULL;
    }
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1) return impossible(c);
    loaded = true;
  }
  return number(c, (long)OpenSSL_version_num());
}

static bool configure_context(struct connection *t, struct call *c) {
  t->context = SSL_CTX_new(TLS_method());
  if (t->context == NULL) return false;
  SSL_CTX_set_security_level(t->context, SECURITY_LEVEL);
  SSL_CTX_set_options(t->context, (uint64_t)NUMBER(3));
  SSL_CTX_ctrl(t->context, SSL_CTRL_MODE, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS, NULL);
  SSL_CTX_ctrl(t->context, SSL_CTRL_SET_SESS_CACHE_MODE, 0, NULL);
  SSL_CTX_set_cert_verify_callback(t->context, verify_chain, t);
  return SSL_CTX_ctrl(t->context, SSL_CTRL_SET_MIN_PROTO_VERSION, NUMBER(1), NULL) == 1 &&
         SSL_CTX_ctrl(t->context, SSL_CTRL_SET_MAX_PROTO_VERSION, NUMBER(2), NULL) == 1 &&
         SSL_CTX_set_cipher_list(t->context, TEXT(4)) == 1 && SSL_CTX_set_ciphersuites(t->context, TEXT(5)) == 1 &&
         SSL_CTX_ctrl(t->context, SSL_CTRL_SET_GROUPS_LIST, 0, TEXT(6)) == 1 &&
         SSL_CTX_ctrl(t->context, SSL_CTRL_SET_SIGALGS_LIST, 0, TEXT(7)) == 1 &&
         SSL_CTX_ctrl(t->context, SSL_CTRL_SET_CLIENT_SIGALGS_LIST, 0, TEXT(7)) == 1 &&
         (!t->server || SSL_CTX_callback_ctrl(t->context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, (void (*)(void))staple) == 1) &&
         (!t->server || SSL_CTX_add_custom_ext(t->context, REFUSAL_EXTENSION, SSL_EXT_TLS1_3_NEW_SESSION_TICKET, refuse_by_extension,
                                               NULL, t, NULL, NULL) == 1);
}

static bool configure_connection(struct connection *t) {
  t->ssl = SSL_new(t->context);
  t->received = BIO_new(BIO_s_mem());
  t->sent = BIO_new(BIO_s_mem());
  if (t->ssl == NULL || t->received == NULL || t->sent == NULL) {
    if (t->received != NULL) BIO_free(t->received);
    if (t->sent != NULL) BIO_free(t->sent);
    return false;
  }
  SSL_set_bio(t->ssl, t->received, t->sent);
  (t->server ? SSL_set_accept_state : SSL_set_connect_state)(t->ssl);
  SSL_set_msg_callback(t->ssl, note_message);
  SSL_ctrl(t->ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, t);
  SSL_set_cert_cb(t->ssl, choose_certificate, t);
  return SSL_set_num_tickets(t->ssl, 0) == 1 && SSL_set_ex_data(t->ssl, 0, t) == 1;
}

static napi_value tls_create(struct call *c) {
  napi_value external;
  if (OPENSSL_init_ssl == NULL || SSL_SESSION_free == NULL) {
    refuse(c, napi_throw_error, "OpenSSL is not loaded");
    return NULL;
  }
  ERR_clear_error();
  struct connection *t = calloc(1, sizeof *t);
  if (t == NULL) return impossible(c);
  t->server = NUMBER(0) != 0;
  t->verdict = UNDECIDED;
  if (!configure_context(t, c) || !configure_connection(t)) {
    napi_value thrown = impossible(c);
    release(t);
    free(t);
    return thrown;
  }
  if (napi_create_external(c->env, t, finalize, NULL, &external) == napi_ok) {
    if (napi_type_tag_object(c->env, external, &CONNECTION_TAG) == napi_ok) return external;
    return NULL; /* the finalizer has it */
  }
  release(t);
  free(t);
  return NULL;
}

static napi_value tls_release(struct call *c) {
  release(T);
  return nothing(c);
}

static napi_value tls_setServerName(struct call *c) {
  return SSL_ctrl(T->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, TEXT(1)) == 1 ? nothing(c) : impossible(c);
}

/* A list of names, each with its length before it. */
static napi_value tls_setProtocols(struct call *c) {
  size_t at = 0;
  while (at < LENGTH(1) && BYTES(1)[at] > 0) at += 1U + BYTES(1)[at];
  if (at != LENGTH(1) || !keep(&T->protocols, BYTES(1), LENGTH(1))) {
    refuse(c, napi_throw_range_error, "names with their lengths are expected");
    return NULL;
  }
  if (T->server) SSL_CTX_set_alpn_select_cb(T->context, choose_protocol, T);
  else if (SSL_set_alpn_protos(T->ssl, BYTES(1), (unsigned)LENGTH(1)) != 0) return impossible(c);
  return nothing(c);
}

static napi_value tls_setVerify(struct call *c) {
  SSL_set_verify(T->ssl, (int)NUMBER(1), NULL);
  return nothing(c);
}

/* A client's: sessions are kept for session(), none in OpenSSL. */
static napi_value tls_keepSessions(struct call *c) {
  SSL_CTX_ctrl(T->context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT_NO_INTERNAL, NULL);
  SSL_CTX_sess_set_new_cb(T->context, keep_session);
  return nothing(c);
}

static napi_value tls_setSession(struct call *c) {
  const unsigned char *at = BYTES(1);
  SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)LENGTH(1));
  int set = session == NULL ? 0 : SSL_set_session(T->ssl, session);
  if (session != NULL) SSL_SESSION_free(session);
  return number(c, set);
}

/* A server's: the keys of its tickets, how many it gives and for how many seconds they are good. */
static napi_value tls_giveTickets(struct call *c) {
  if (LENGTH(1) != TICKET_KEY_BYTES || NUMBER(2) < 0) {
    refuse(c, napi_throw_range_error, "a key of 80 bytes is expected");
    return NULL;
  }
  SSL_CTX_set_timeout(T->context, NUMBER(3));
  SSL_CTX_set_client_hello_cb(T->context, hear_client, T);
  return SSL_CTX_ctrl(T->context, SSL_CTRL_SET_TLSEXT_TICKET_KEYS, TICKET_KEY_BYTES, BYTES(1)) == 1 &&
                 SSL_set_num_tickets(T->ssl, (size_t)NUMBER(2)) == 1
             ? nothing(c)
             : impossible(c);
}

/* What else they are bound to, those that are given and the one that is taken. */
static napi_value tls_bindTickets(struct call *c) {
  T->bound = T->hellos;
  return SSL_set_session_id_context(T->ssl, BYTES(1), (unsigned)LENGTH(1)) == 1 ? nothing(c) : impossible(c);
}

static napi_value tls_addCertificate(struct call *c) {
  const unsigned char *at = BYTES(1);
  X509 *certificate = d2i_X509(NULL, &at, (long)LENGTH(1));
  if (certificate == NULL) return impossible(c);
  long added = NUMBER(2) == 0 ? SSL_use_certificate(T->ssl, certificate) : SSL_ctrl(T->ssl, SSL_CTRL_CHAIN_CERT, 1, certificate);
  X509_free(certificate);
  return added == 1 ? nothing(c) : impossible(c);
}

static napi_value tls_useKey(struct call *c) {
  const unsigned char *at = BYTES(1);
  EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)LENGTH(1));
  if (key == NULL) return impossible(c);
  int used = SSL_use_PrivateKey(T->ssl, key);
  EVP_PKEY_free(key);
  return used == 1 ? nothing(c) : impossible(c);
}

static napi_value tls_requestStatus(struct call *c) {
  return SSL_ctrl(T->ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_ocsp, NULL) == 1 ? nothing(c) : impossible(c);
}

static napi_value tls_setStatus(struct call *c) {
  void *copy = CRYPTO_malloc(LENGTH(1) + 1, __FILE__, __LINE__);
  if (copy == NULL) return impossible(c);
  memcpy(copy, BYTES(1), LENGTH(1));
  if (SSL_ctrl(T->ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, (long)LENGTH(1), copy) == 1) return nothing(c); /* it has the copy */
  CRYPTO_free(copy, __FILE__, __LINE__);
  return impossible(c);
}

static napi_value tls_certificateChosen(struct call *c) {
  T->chosen = true;
  return nothing(c);
}

static napi_value tls_verdict(struct call *c) {
  T->verdict = (int)NUMBER(1);
  return nothing(c);
}

static napi_value tls_receive(struct call *c) { return number(c, BIO_write(T->received, BYTES(1), (int)LENGTH(1))); }
static napi_value tls_pending(struct call *c) { return number(c, (long)BIO_ctrl_pending(T->sent)); }
static napi_value tls_take(struct call *c) { return number(c, BIO_read(T->sent, BYTES(1), (int)LENGTH(1))); }
static napi_value tls_handshake(struct call *c) { return outcome(c, SSL_do_handshake(T->ssl)); }
static napi_value tls_read(struct call *c) { return outcome(c, SSL_read(T->ssl, BYTES(1), (int)LENGTH(1))); }
static napi_value tls_write(struct call *c) { return outcome(c, SSL_write(T->ssl, BYTES(1), (int)LENGTH(1))); }

static napi_value tls_shutdown(struct call *c) {
  int result = SSL_shutdown(T->ssl);
  return result >= 0 ? number(c, 1) : outcome(c, result);
}

static napi_value tls_updateKeys(struct call *c) {
  int result = SSL_key_update(T->ssl, SSL_KEY_UPDATE_REQUESTED);
  return outcome(c, result == 1 ? SSL_do_handshake(T->ssl) : result);
}

/* A server of TLS 1.3, once the handshake is over: the alert, which OpenSSL seals. */
static napi_value tls_refuse(struct call *c) {
  T->refusal = (int)NUMBER(1);
  int result = SSL_new_session_ticket(T->ssl);
  return outcome(c, result == 1 ? SSL_do_handshake(T->ssl) : result);
}

static napi_value tls_certificate(struct call *c) {
  if (T->chain == NULL || NUMBER(1) < 0 || NUMBER(1) >= OPENSSL_sk_num(T->chain)) return nothing(c);
  return encoded(c, OPENSSL_sk_value(T->chain, (int)NUMBER(1)), encode_certificate);
}

static napi_value tls_publicKey(struct call *c) {
  X509 *leaf = T->chain == NULL ? NULL : OPENSSL_sk_value(T->chain, 0);
  return leaf == NULL ? nothing(c) : encoded(c, X509_get_X509_PUBKEY(leaf), i2d_X509_PUBKEY);
}

static napi_value tls_status(struct call *c) {
  unsigned char *response = NULL;
  long length = SSL_ctrl(T->ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &response);
  return encoded(c, &(struct bytes){response, length > 0 ? (size_t)length : 0}, encode_bytes);
}

static napi_value tls_message(struct call *c) {
  for (size_t index = 0; index < KEPT_COUNT; index++)
    if (KEPT_MESSAGES[index] == NUMBER(1)) return encoded(c, &T->messages[index], encode_bytes);
  return nothing(c);
}

static napi_value tls_protocol(struct call *c) {
  const unsigned char *name = NULL;
  unsigned length = 0;
  SSL_get0_alpn_selected(T->ssl, &name, &length);
  return encoded(c, &(struct bytes){(uint8_t *)name, length}, encode_bytes);
}

static napi_value tls_session(struct call *c) {
  if (T->session_count == 0) return nothing(c);
  SSL_SESSION *session = T->sessions[0];
  memmove(T->sessions, T->sessions + 1, --T->session_count * sizeof *T->sessions);
  unsigned long lifetime = SSL_SESSION_get_ticket_lifetime_hint(session);
  T->ticket_lifetime = lifetime > INT32_MAX ? INT32_MAX : (long)lifetime;
  napi_value result = encoded(c, session, encode_session);
  SSL_SESSION_free(session);
  return result;
}

/* In the order of FACTS in library.ts. */
static napi_value tls_facts(struct call *c) {
  int type = 0, hash = 0;
  const void *cipher = SSL_get_current_cipher(T->ssl);
  if (SSL_get_peer_signature_type_nid(T->ssl, &type) != 1) type = 0;
  if (SSL_ctrl(T->ssl, SSL_CTRL_GET_PEER_SIGNATURE_NID, 0, &hash) != 1) hash = 0;
  const int32_t facts[] = {
    SSL_version(T->ssl),
    cipher == NULL ? 0 : SSL_CIPHER_get_protocol_id(cipher),
    /* OpenSSL looks into the session without asking whether there is one yet. */
    SSL_get_session(T->ssl) == NULL ? 0 : (int32_t)SSL_ctrl(T->ssl, SSL_CTRL_GET_NEGOTIATED_GROUP, 0, NULL),
    type,
    hash,
    SSL_session_reused(T->ssl),
    SSL_ctrl(T->ssl, SSL_CTRL_GET_EXTMS_SUPPORT, 0, NULL) == 1,
    T->hellos,
    T->alert_sent,
    (int32_t)T->ticket_lifetime,
    (int32_t)(T->error >> 23 & 0xff),
    (int32_t)(T->error & 0x7fffff),
  };
  if (LENGTH(1) < sizeof facts / sizeof *facts) {
    refuse(c, napi_throw_range_error, "more elements are needed");
    return NULL;
  }
  memcpy(BYTES(1), facts, sizeof facts);
  return nothing(c);
}

static napi_value tls_reason(struct call *c) {
  const char *reason = T->error == 0 ? NULL : ERR_reason_error_string(T->error);
  return encoded(c, &(struct bytes){(uint8_t *)reason, reason == NULL ? 0 : strlen(reason)}, encode_bytes);
}

static napi_value tls_exportKeys(struct call *c) {
  return SSL_export_keying_material(T->ssl, BYTES(3), LENGTH(3), TEXT(1), LENGTH(1), BYTES(2), LENGTH(2), BYTES(2) != NULL) == 1
             ? nothing(c)
             : impossible(c);
}

static const struct entry ENTRIES[] = {
  {"load", "", tls_load},
  {"create", "iiiissss", tls_create},
  {"release", "c", tls_release},
  {"setServerName", "cs", tls_setServerName},
  {"setProtocols", "cb", tls_setProtocols},
  {"setVerify", "ci", tls_setVerify},
  {"keepSessions", "c", tls_keepSessions},
  {"setSession", "cb", tls_setSession},
  {"giveTickets", "cbii", tls_giveTickets},
  {"bindTickets", "cb", tls_bindTickets},
  {"addCertificate", "cbi", tls_addCertificate},
  {"useKey", "cb", tls_useKey},
  {"requestStatus", "c", tls_requestStatus},
  {"setStatus", "cb", tls_setStatus},
  {"certificateChosen", "c", tls_certificateChosen},
  {"verdict", "ci", tls_verdict},
  {"receive", "cb", tls_receive},
  {"pending", "c", tls_pending},
  {"take", "cb", tls_take},
  {"handshake", "c", tls_handshake},
  {"read", "cb", tls_read},
  {"write", "cb", tls_write},
  {"shutdown", "c", tls_shutdown},
  {"updateKeys", "c", tls_updateKeys},
  {"refuse", "ci", tls_refuse},
  {"certificate", "ci", tls_certificate},
  {"publicKey", "c", tls_publicKey},
  {"status", "c", tls_status},
  {"message", "ci", tls_message},
  {"protocol", "c", tls_protocol},
  {"session", "c", tls_session},
  {"facts", "ca", tls_facts},
  {"reason", "c", tls_reason},
  {"exportKeys", "csob", tls_exportKeys},
};

static napi_value dispatch(napi_env env, napi_callback_info info) {
  struct call c; /* its texts stay uninitialised until a letter s asks for one */
  napi_value values[MAX_ARGUMENTS];
  size_t count = MAX_ARGUMENTS;
  void *entry;
  if (napi_get_cb_info(env, info, &count, values, NULL, &entry) != napi_ok) return NULL;
  c.env = env;
  c.entry = entry;
  c.connection = NULL;
  c.thrown = false;
  c.texts = 0;
  if (!decode(&c, values)) return NULL;
  if (c.connection != NULL) ERR_clear_error(); /* SSL_get_error looks at what is in the thread's queue */
  napi_value result = c.entry->run(&c);
  return c.thrown ? NULL : result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  for (size_t index = 0; index < sizeof ENTRIES / sizeof *ENTRIES; index++) {
    const struct entry *entry = &ENTRIES[index];
    if (napi_create_function(env, entry->name, NAPI_AUTO_LENGTH, dispatch, (void *)entry, &function) != napi_ok ||
        napi_set_named_property(env, exports, entry->name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
