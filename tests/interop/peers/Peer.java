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
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.net.InetAddress;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** A server on Java's JSSE; arguments and commands are those of README.md. */
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

    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(keyStore(Path.of(arguments.get("chain")), Path.of(arguments.get("key"))), new char[0]);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);

    int port = Integer.parseInt(arguments.get("port"));
    SSLServerSocket listener =
        (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 50, InetAddress.getByName("127.0.0.1"));
    SSLParameters parameters = listener.getSSLParameters();
    parameters.setProtocols(new String[] {arguments.get("version")});
    if (arguments.containsKey("suites")) parameters.setCipherSuites(arguments.get("suites").split(","));
    if (arguments.containsKey("alpn")) parameters.setApplicationProtocols(arguments.get("alpn").split(","));
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
        out.write(("sni=" + sni + " alpn=" + alpn + "\n").getBytes(StandardCharsets.US_ASCII));
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
