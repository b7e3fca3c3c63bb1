import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.net.InetAddress;
import java.net.Socket;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** A server or a client on Java's JSSE; arguments and commands are those of README.md. */
final class Peer {
  public static void main(String[] words) throws Exception {
    Map<String, String> arguments = new HashMap<>();
    for (String word : words) {
      int equals = word.indexOf('=');
      arguments.put(word.substring(0, equals), word.substring(equals + 1));
    }
    if (arguments.containsKey("keylimit"))
      Security.setProperty("jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate " + arguments.get("keylimit"));
    if (arguments.containsKey("groups")) System.setProperty("jdk.tls.namedGroups", arguments.get("groups"));

    KeyManager[] keys = null;
    if (arguments.containsKey("chain")) {
      KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
      factory.init(keyStore(Path.of(arguments.get("chain")), Path.of(arguments.get("key"))), new char[0]);
      keys = factory.getKeyManagers();
    }
    TrustManager[] trust = null;
    if (arguments.containsKey("trusted")) {
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init(trustStore(Path.of(arguments.get("trusted"))));
      trust = factory.getTrustManagers();
    }
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys, trust, null);
    if (arguments.containsKey("name")) {
      for (int left = Integer.parseInt(arguments.getOrDefault("connections", "1")); left > 0; left--) connect(context, arguments);
      return;
    }

    int port = Integer.parseInt(arguments.get("port"));
    SSLServerSocket listener =
        (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 50, InetAddress.getByName("127.0.0.1"));
    SSLParameters parameters = choose(listener.getSSLParameters(), arguments);
    parameters.setNeedClientAuth(trust != null);
    listener.setSSLParameters(parameters);
    while (true) {
      SSLSocket connection = (SSLSocket) listener.accept();
      Thread thread = new Thread(() -> {
        try {
          serve(connection);
        } catch (Exception failure) {
          System.err.println(failure);
        }
      });
      thread.setDaemon(true);
      thread.start();
    }
  }

  private static SSLParameters choose(SSLParameters parameters, Map<String, String> arguments) {
    String version = arguments.get("version");
    parameters.setProtocols(version == null ? new String[] {"TLSv1.3", "TLSv1.2"} : new String[] {version});
    if (arguments.containsKey("suites")) parameters.setCipherSuites(arguments.get("suites").split(","));
    if (arguments.containsKey("alpn")) parameters.setApplicationProtocols(arguments.get("alpn").split(","));
    return parameters;
  }

  private static KeyStore trustStore(Path authority) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream pem = Files.newInputStream(authority)) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    }
    return store;
  }

  /** Sends, half-closes and receives to the end. */
  private static void connect(SSLContext context, Map<String, String> arguments) throws Exception {
    int port = Integer.parseInt(arguments.get("port"));
    String command = arguments.get("command");
    Socket tcp = new Socket("127.0.0.1", port);
    try (SSLSocket connection = (SSLSocket) context.getSocketFactory().createSocket(tcp, arguments.get("name"), port, true)) {
      SSLParameters parameters = choose(connection.getSSLParameters(), arguments);
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      connection.setSSLParameters(parameters);
      long began = System.currentTimeMillis();
      connection.startHandshake();
      SSLSession session = connection.getSession();
      String server = ((X509Certificate) session.getPeerCertificates()[0]).getSubjectX500Principal().getName().substring(3);
      String alpn = connection.getApplicationProtocol().isEmpty() ? "-" : connection.getApplicationProtocol();
      System.out.println("version=" + session.getProtocol() + " suite=" + session.getCipherSuite() + " alpn=" + alpn
          + " resumed=" + (session.getCreationTime() < began ? "yes" : "no") + " server=" + server);
      InputStream in = connection.getInputStream();
      OutputStream out = connection.getOutputStream();
      Thread sending = new Thread(() -> {
        try {
          out.write((command + "\n").getBytes(StandardCharsets.US_ASCII));
          sendNumbered(out, Long.parseLong(arguments.getOrDefault("bytes", "0")));
          connection.shutdownOutput();
        } catch (IOException failure) {
          System.err.println(failure);
        }
      });
      sending.start();
      if (command.equals("facts")) in.transferTo(System.out);
      else System.out.println("received " + receiveAll(in));
      sending.join();
    }
  }

  private static KeyStore keyStore(Path chain, Path key) throws Exception {
    Certificate[] certificates;
    try (InputStream pem = Files.newInputStream(chain)) {
      certificates = CertificateFactory.getInstance("X.509").generateCertificates(pem).toArray(new Certificate[0]);
    }
    byte[] pkcs8 = Base64.getMimeDecoder().decode(Files.readString(key).replaceAll("-----[A-Z ]+-----", ""));
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("peer", privateKey(certificates[0].getPublicKey().getAlgorithm(), pkcs8), new char[0], certificates);
    return store;
  }

  private static PrivateKey privateKey(String algorithm, byte[] pkcs8) throws Exception {
    return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
  }

  private static void serve(SSLSocket connection) throws Exception {
    InputStream in = connection.getInputStream();
    OutputStream out = connection.getOutputStream();
    String[] command = readLine(in).split(" ");
    switch (command[0]) {
      case "echo", "rekey" -> in.transferTo(out);
      case "download" -> sendNumbered(out, Long.parseLong(command[1]));
      case "upload" -> out.write((receiveAll(in) + "\n").getBytes(StandardCharsets.US_ASCII));
      case "farewell" -> {
        out.write("farewell".getBytes(StandardCharsets.US_ASCII));
        connection.shutdownOutput();
        System.out.println("received " + receiveAll(in));
        return;
      }
      case "facts" -> {
        List<SNIServerName> names = ((ExtendedSSLSession) connection.getSession()).getRequestedServerNames();
        String sni = names.isEmpty() ? "-" : new String(names.get(0).getEncoded(), StandardCharsets.US_ASCII);
        String alpn = connection.getApplicationProtocol().isEmpty() ? "-" : connection.getApplicationProtocol();
        String client = "yes";
        try {
          connection.getSession().getPeerCertificates();
        } catch (SSLPeerUnverifiedException none) {
          client = "no";
        }
        out.write(("sni=" + sni + " alpn=" + alpn + " client=" + client + "\n").getBytes(StandardCharsets.US_ASCII));
      }
      default -> throw new IOException("no command " + command[0]);
    }
    connection.shutdownOutput();
    // To close with something unread would reset the connection, and could take what was sent last with it.
    in.transferTo(OutputStream.nullOutputStream());
    connection.close();
  }

  private static String readLine(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int octet = in.read(); octet != '\n'; octet = in.read()) {
      if (octet < 0) throw new IOException("no command");
      line.write(octet);
    }
    return line.toString(StandardCharsets.US_ASCII);
  }

  private static void sendNumbered(OutputStream out, long bytes) throws IOException {
    byte[] blocks = new byte[16 * 4096];
    for (int line = 0; line < blocks.length / 16; line++) writeLine(blocks, line, line % 256);
    long number = 0;
    for (long sent = 0; sent < bytes; sent += blocks.length) {
      for (int block = 0; block < 16; block++) writeLine(blocks, 256 * block, number++);
      out.write(blocks, 0, (int) Math.min(blocks.length, bytes - sent));
    }
  }

  private static void writeLine(byte[] blocks, int line, long number) {
    byte[] text = String.format("%015d\n", number).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, blocks, 16 * line, 16);
  }

  private static String receiveAll(InputStream in) throws Exception {
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    byte[] buffer = new byte[65536];
    long bytes = 0;
    for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
      hash.update(Arrays.copyOf(buffer, count));
      bytes += count;
    }
    return bytes + " " + HexFormat.of().formatHex(hash.digest());
  }
}
