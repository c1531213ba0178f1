package io.diffuscope.checkpoint.s3;

import akka.http.javadsl.ConnectionContext;
import akka.http.javadsl.HttpsConnectionContext;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Collection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Certificate authorities of a file, for stores whose certificates no public authority signed. */
final class TrustedAuthorities {
  private TrustedAuthorities() {}

  /** Trusts the authorities of a PEM file and no others; names of hosts are verified as ever. */
  static HttpsConnectionContext context(Path pem) throws BadInputException {
    try (InputStream file = Files.newInputStream(pem)) {
      Collection<? extends Certificate> certificates =
          CertificateFactory.getInstance("X.509").generateCertificates(file);
      if (certificates.isEmpty()) {
        throw new BadInputException(
            pem, Reason.EMPTY, "no certificate is in it; give the PEM file of the authority");
      }
      KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      int number = 0;
      for (Certificate certificate : certificates) {
        trusted.setCertificateEntry("authority-" + number++, certificate);
      }
      TrustManagerFactory managers =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      managers.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, managers.getTrustManagers(), null);
      return ConnectionContext.httpsClient(context);
    } catch (GeneralSecurityException e) {
      throw new BadInputException(
          pem.toString(),
          Reason.MALFORMED,
          "is no PEM file of certificates (%s); give that of the authority"
              .formatted(e.getMessage()),
          e);
    } catch (IOException e) {
      throw BadInputException.of(pem, e);
    }
  }
}
