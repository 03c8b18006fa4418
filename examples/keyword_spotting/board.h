/* SPDX-License-Identifier: Apache-2.0 */
/* What the firmware needs of a board. */
#ifndef BOARD_H
#define BOARD_H

/* Makes the serial port ready. */
void board_start(void);

/* Sends text through the serial port. */
void board_print(const char *text);

/* Ends the emulation; on a board without a debugger it stands still. */
void board_stop(int code);

#endif
