import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Java's own HTTP client: HTTP/2, HTTP/1.1 and WebSocket. */
class Peers {
    public static void main(String[] words) throws Exception {
        String host = words[0];
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(words[1]))
            .connectTimeout(Duration.ofSeconds(15)).build();
        for (HttpClient.Version version : HttpClient.Version.values()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("https://" + host + "/hello"))
                .version(version).timeout(Duration.ofSeconds(15)).build();
            System.out.print(client.send(request, BodyHandlers.ofString()).body());
        }
        System.out.println(echoed(client, host));
        // It offers HTTP/2 here, which this server takes, and others do not hear.
        HttpRequest plain = HttpRequest.newBuilder(URI.create("http://" + host + "/hello")).build();
        System.out.print(client.send(plain, BodyHandlers.ofString()).body());
    }

    static SSLContext trusting(String ca) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream pem = new FileInputStream(ca)) {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            store.setCertificateEntry("stand", factory.generateCertificate(pem));
        }
        TrustManagerFactory trusted =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trusted.getTrustManagers(), null);
        return tls;
    }

    static String echoed(HttpClient client, String host) throws Exception {
        CompletableFuture<String> said = new CompletableFuture<>();
        WebSocket stream = client.newWebSocketBuilder()
            .buildAsync(URI.create("wss://" + host + "/echo"), new WebSocket.Listener() {
                @Override
                public CompletionStage<?> onText(WebSocket own, CharSequence text, boolean last) {
                    said.complete(text.toString());
                    return null;
                }
            }).get(15, TimeUnit.SECONDS);
        stream.sendText("bee", true);
        String told = said.get(15, TimeUnit.SECONDS);
        stream.sendClose(WebSocket.NORMAL_CLOSURE, "").get(15, TimeUnit.SECONDS);
        return told;
    }
}
