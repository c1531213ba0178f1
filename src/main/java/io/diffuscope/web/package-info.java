/** The one HTTP port: metrics, health, and the page. */
@NullMarked
package io.diffuscope.web;

import org.jspecify.annotations.NullMarked;
