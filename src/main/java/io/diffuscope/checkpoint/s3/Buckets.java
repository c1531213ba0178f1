package io.diffuscope.checkpoint.s3;

import java.io.IOException;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;

/** What reads buckets: requests, listings and blocks, by one group of settings. */
final class Buckets implements AutoCloseable {
  /** A listing answers a little longer than until the next one is due. */
  private static final int LASTING_PERCENT = 150;

  private final ObjectStore store;
  private final BlockScratch scratch;
  private final Listings listings;
  private final BlockReader reader;

  private Buckets(ObjectStore store, BlockScratch scratch, ObjectStoreSettings settings) {
    this.store = store;
    this.scratch = scratch;
    this.listings =
        new Listings(store, settings.pollInterval().multipliedBy(LASTING_PERCENT).dividedBy(100));
    this.reader = new BlockReader(store, scratch, settings.blockBytes());
  }

  static Buckets open(ObjectStoreSettings settings, AwsCredentialsProvider credentials)
      throws IOException {
    BlockScratch scratch =
        BlockScratch.create(
            settings.scratchDirectory(), settings.blockBytes(), settings.scratchBytes());
    try {
      return new Buckets(ObjectStore.open(settings, credentials), scratch, settings);
    } catch (IOException | RuntimeException e) {
      scratch.close();
      throw e;
    }
  }

  Listings listings() {
    return listings;
  }

  BlockReader reader() {
    return reader;
  }

  ObjectStore store() {
    return store;
  }

  BlockScratch scratch() {
    return scratch;
  }

  @Override
  public void close() throws IOException {
    store.close();
    scratch.close();
  }
}
