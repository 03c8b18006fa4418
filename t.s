	.syntax	unified
	.eabi_attribute	67, "2.09"
	.cpu	cortex-m55
	.eabi_attribute	6, 21
	.eabi_attribute	7, 77
	.eabi_attribute	8, 0
	.eabi_attribute	9, 3
	.fpu	fpv5-d16
	.arch_extension	mve.fp
	.eabi_attribute	36, 1
	.eabi_attribute	48, 2
	.eabi_attribute	46, 1
	.eabi_attribute	34, 1
	.eabi_attribute	15, 1
	.eabi_attribute	16, 1
	.eabi_attribute	17, 2
	.eabi_attribute	20, 1
	.eabi_attribute	21, 0
	.eabi_attribute	23, 3
	.eabi_attribute	24, 1
	.eabi_attribute	25, 1
	.eabi_attribute	38, 1
	.eabi_attribute	14, 0
	.file	"TVMMod"
	.text
	.globl	k
	.p2align	2
	.type	k,%function
	.code	16
	.thumb_func
k:
.Lfunc_begin0:
	.file	1 "." "IRModule.CodeGenLLVM"
	.loc	1 0 0
	.fnstart
	.cfi_sections .debug_frame
	.cfi_startproc
	push	{r7, lr}
	.cfi_def_cfa_offset 8
	.cfi_offset lr, -4
	.cfi_offset r7, -8
.Ltmp0:
	.loc	1 0 0 prologue_end
	mov.w	lr, #30
.Ltmp1:
	add.w	r12, r0, #512
.Ltmp2:
	add.w	r3, r0, #1536
	add.w	r1, r0, #1024
.Ltmp3:
	.p2align	2
.LBB0_1:
	vldrb.u8	q0, [r0], #16
.Ltmp4:
	vldrb.u8	q1, [r12], #16
.Ltmp5:
	vldrb.u8	q2, [r1], #16
.Ltmp6:
	vldrb.u8	q3, [r3], #16
.Ltmp7:
	vst40.8	{q0, q1, q2, q3}, [r2]
	vst41.8	{q0, q1, q2, q3}, [r2]
	vst42.8	{q0, q1, q2, q3}, [r2]
	vst43.8	{q0, q1, q2, q3}, [r2]!
.Ltmp8:
	le	lr, .LBB0_1
.Ltmp9:
	pop	{r7, pc}
.Ltmp10:
.Lfunc_end0:
	.size	k, .Lfunc_end0-k
	.cfi_endproc
	.cantunwind
	.fnend

	.section	.text.tvm.fp16.conv,"ax",%progbits
	.weak	__truncsfhf2
	.p2align	2
	.type	__truncsfhf2,%function
	.code	16
	.thumb_func
__truncsfhf2:
.Lfunc_begin1:
	.fnstart
	.cfi_startproc
	bic	r1, r0, #-2147483648
	sub.w	r2, r1, #947912704
	sub.w	r3, r1, #1199570944
	cmp	r2, r3
	bhs	.LBB1_5
	mov	r1, r0
	lsrs	r2, r0, #13
	bfc	r1, #13, #19
	cmp.w	r1, #4096
	bls	.LBB1_7
	movw	r1, #16385
	movt	r1, #65534
.LBB1_3:
	add	r1, r2
.LBB1_4:
	mov.w	r2, #32768
	and.w	r0, r2, r0, lsr #16
	orrs	r0, r1
	bx	lr
	.p2align	2
.LBB1_5:
	cmp.w	r1, #2139095040
	bls	.LBB1_8
	lsrs	r1, r0, #13
	movs	r2, #63
	bfi	r1, r2, #9, #23
	mov.w	r2, #32768
	and.w	r0, r2, r0, lsr #16
	orrs	r0, r1
	bx	lr
	.p2align	2
.LBB1_7:
	movw	r1, #16384
	movt	r1, #65534
	add.w	r1, r1, r0, lsr #13
	itt	eq
	andeq	r2, r2, #1
	addeq	r1, r2
	mov.w	r2, #32768
	and.w	r0, r2, r0, lsr #16
	orrs	r0, r1
	bx	lr
	.p2align	2
.LBB1_8:
	movw	r2, #65535
	movt	r2, #127
	add.w	r3, r2, #1191182336
	cmp	r1, r3
	bls	.LBB1_10
	mov.w	r1, #31744
	mov.w	r2, #32768
	and.w	r0, r2, r0, lsr #16
	orrs	r0, r1
	bx	lr
	.p2align	2
.LBB1_10:
	cmp.w	r1, #754974720
	bhs	.LBB1_12
	movs	r1, #0
	mov.w	r2, #32768
	and.w	r0, r2, r0, lsr #16
	orrs	r0, r1
	bx	lr
	.p2align	2
.LBB1_12:
	movs	r3, #113
	ands	r2, r0
	sub.w	r12, r3, r1, lsr #23
	mvn	r3, #80
	add.w	r2, r2, #8388608
	add.w	r1, r3, r1, lsr #23
	lsls.w	r1, r2, r1
	lsr.w	r2, r2, r12
	lsr.w	r1, r2, #13
	bfc	r2, #13, #19
	it	ne
	orrne	r2, r2, #1
	cmp.w	r2, #4096
	bls	.LBB1_14
	adds	r1, #1
	mov.w	r2, #32768
	and.w	r0, r2, r0, lsr #16
	orrs	r0, r1
	bx	lr
	.p2align	2
.LBB1_14:
	bne	.LBB1_4
	and	r2, r1, #1
	b	.LBB1_3
.Lfunc_end1:
	.size	__truncsfhf2, .Lfunc_end1-__truncsfhf2
	.cfi_endproc
	.cantunwind
	.fnend

	.weak	__extendhfsf2
	.p2align	2
	.type	__extendhfsf2,%function
	.code	16
	.thumb_func
__extendhfsf2:
.Lfunc_begin2:
	.fnstart
	.cfi_startproc
	uxth.w	r12, r0
	bfc	r0, #15, #17
	sub.w	r2, r0, #1024
	lsrs	r2, r2, #11
	cmp	r2, #14
	bhi	.LBB2_2
	mov.w	r2, #939524096
	add.w	r0, r2, r0, lsl #13
	and	r1, r12, #32768
	orr.w	r0, r0, r1, lsl #16
	bx	lr
	.p2align	2
.LBB2_2:
	cmp.w	r0, #31744
	blo	.LBB2_4
	mov.w	r2, #2139095040
	orr.w	r0, r2, r0, lsl #13
	and	r1, r12, #32768
	orr.w	r0, r0, r1, lsl #16
	bx	lr
	.p2align	2
.LBB2_4:
	cbz	r0, .LBB2_6
	cmp.w	r0, #256
	mov	r2, r0
	mov.w	r3, #24
	it	hs
	lsrhs	r2, r2, #8
	it	lo
	movlo	r3, #32
	cmp	r2, #16
	itt	hs
	lsrhs	r2, r2, #4
	subhs	r3, #4
	cmp	r2, #4
	itt	hs
	lsrhs	r2, r2, #2
	subhs	r3, #2
	cmp	r2, #2
	mvn	r1, #1
	csneg	r1, r1, r2, hs
	add	r1, r3
	sub.w	r2, r1, #8
	lsls	r0, r2
	mov.w	r2, #1124073472
	sub.w	r1, r2, r1, lsl #23
	eor	r0, r0, #8388608
	orrs	r0, r1
	and	r1, r12, #32768
	orr.w	r0, r0, r1, lsl #16
	bx	lr
	.p2align	2
.LBB2_6:
	movs	r0, #0
	and	r1, r12, #32768
	orr.w	r0, r0, r1, lsl #16
	bx	lr
.Lfunc_end2:
	.size	__extendhfsf2, .Lfunc_end2-__extendhfsf2
	.cfi_endproc
	.cantunwind
	.fnend

	.section	.debug_loc,"",%progbits
.Ldebug_loc0:
	.long	.Lfunc_begin0-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	1
	.byte	80
	.long	.Ltmp4-.Lfunc_begin0
	.long	.Ltmp9-.Lfunc_begin0
	.short	4
	.byte	243
	.byte	1
	.byte	80
	.byte	159
	.long	0
	.long	0
.Ldebug_loc1:
	.long	.Lfunc_begin0-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	1
	.byte	81
	.long	.Ltmp3-.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.short	4
	.byte	243
	.byte	1
	.byte	81
	.byte	159
	.long	0
	.long	0
.Ldebug_loc2:
	.long	.Lfunc_begin0-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	1
	.byte	82
	.long	.Ltmp8-.Lfunc_begin0
	.long	.Ltmp9-.Lfunc_begin0
	.short	4
	.byte	243
	.byte	1
	.byte	82
	.byte	159
	.long	0
	.long	0
.Ldebug_loc3:
	.long	.Ltmp0-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	2
	.byte	112
	.byte	0
	.long	0
	.long	0
.Ldebug_loc4:
	.long	.Ltmp0-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	2
	.byte	113
	.byte	0
	.long	0
	.long	0
.Ldebug_loc5:
	.long	.Ltmp0-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	2
	.byte	114
	.byte	0
	.long	0
	.long	0
.Ldebug_loc6:
	.long	.Ltmp2-.Lfunc_begin0
	.long	.Ltmp3-.Lfunc_begin0
	.short	3
	.byte	17
	.byte	0
	.byte	159
	.long	0
	.long	0
.Ldebug_loc7:
	.long	.Ltmp4-.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.short	10
	.byte	144
	.byte	128
	.byte	2
	.byte	147
	.byte	8
	.byte	144
	.byte	129
	.byte	2
	.byte	147
	.byte	8
	.long	0
	.long	0
.Ldebug_loc8:
	.long	.Ltmp5-.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.short	10
	.byte	144
	.byte	130
	.byte	2
	.byte	147
	.byte	8
	.byte	144
	.byte	131
	.byte	2
	.byte	147
	.byte	8
	.long	0
	.long	0
.Ldebug_loc9:
	.long	.Ltmp6-.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.short	10
	.byte	144
	.byte	132
	.byte	2
	.byte	147
	.byte	8
	.byte	144
	.byte	133
	.byte	2
	.byte	147
	.byte	8
	.long	0
	.long	0
.Ldebug_loc10:
	.long	.Ltmp7-.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.short	10
	.byte	144
	.byte	134
	.byte	2
	.byte	147
	.byte	8
	.byte	144
	.byte	135
	.byte	2
	.byte	147
	.byte	8
	.long	0
	.long	0
	.section	.debug_abbrev,"",%progbits
	.byte	1
	.byte	17
	.byte	1
	.byte	37
	.byte	14
	.byte	19
	.byte	5
	.byte	3
	.byte	14
	.byte	16
	.byte	23
	.byte	27
	.byte	14
	.ascii	"\264B"
	.byte	25
	.byte	17
	.byte	1
	.byte	18
	.byte	6
	.byte	0
	.byte	0
	.byte	2
	.byte	46
	.byte	1
	.byte	17
	.byte	1
	.byte	18
	.byte	6
	.byte	64
	.byte	24
	.byte	3
	.byte	14
	.byte	39
	.byte	25
	.byte	0
	.byte	0
	.byte	3
	.byte	5
	.byte	0
	.byte	2
	.byte	23
	.byte	3
	.byte	14
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	4
	.byte	52
	.byte	0
	.byte	2
	.byte	23
	.byte	3
	.byte	14
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	5
	.byte	15
	.byte	0
	.byte	73
	.byte	19
	.byte	0
	.byte	0
	.byte	6
	.byte	36
	.byte	0
	.byte	3
	.byte	14
	.byte	62
	.byte	11
	.byte	11
	.byte	11
	.byte	0
	.byte	0
	.byte	0
	.section	.debug_info,"",%progbits
.Lcu_begin0:
	.long	.Ldebug_info_end0-.Ldebug_info_start0
.Ldebug_info_start0:
	.short	4
	.long	.debug_abbrev
	.byte	4
	.byte	1
	.long	.Linfo_string0
	.short	2
	.long	.Linfo_string1
	.long	.Lline_table_start0
	.long	.Linfo_string2

	.long	.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.byte	2
	.long	.Lfunc_begin0
	.long	.Lfunc_end0-.Lfunc_begin0
	.byte	1
	.byte	93
	.long	.Linfo_string3

	.byte	3
	.long	.Ldebug_loc0
	.long	.Linfo_string4
	.long	197
	.byte	3
	.long	.Ldebug_loc1
	.long	.Linfo_string6
	.long	209
	.byte	3
	.long	.Ldebug_loc2
	.long	.Linfo_string8
	.long	197
	.byte	4
	.long	.Ldebug_loc3
	.long	.Linfo_string4
	.long	197
	.byte	4
	.long	.Ldebug_loc4
	.long	.Linfo_string6
	.long	209
	.byte	4
	.long	.Ldebug_loc5
	.long	.Linfo_string8
	.long	197
	.byte	4
	.long	.Ldebug_loc6
	.long	.Linfo_string9
	.long	214
	.byte	4
	.long	.Ldebug_loc7
	.long	.Linfo_string10
	.long	221
	.byte	4
	.long	.Ldebug_loc8
	.long	.Linfo_string12
	.long	221
	.byte	4
	.long	.Ldebug_loc9
	.long	.Linfo_string13
	.long	221
	.byte	4
	.long	.Ldebug_loc10
	.long	.Linfo_string14
	.long	221
	.byte	0
	.byte	5
	.long	202
	.byte	6
	.long	.Linfo_string5
	.byte	5
	.byte	1
	.byte	5
	.long	214
	.byte	6
	.long	.Linfo_string7
	.byte	5
	.byte	4
	.byte	6
	.long	.Linfo_string11
	.byte	5
	.byte	16
	.byte	0
.Ldebug_info_end0:
	.section	.debug_str,"MS",%progbits,1
.Linfo_string0:
	.asciz	"TVM"
.Linfo_string1:
	.asciz	"IRModule.CodeGenLLVM"
.Linfo_string2:
	.asciz	"."
.Linfo_string3:
	.asciz	"k"
.Linfo_string4:
	.asciz	"p1_array"
.Linfo_string5:
	.asciz	"int8"
.Linfo_string6:
	.asciz	"p2_array"
.Linfo_string7:
	.asciz	"int32"
.Linfo_string8:
	.asciz	"p3_array"
.Linfo_string9:
	.asciz	"i4"
.Linfo_string10:
	.asciz	"v5"
.Linfo_string11:
	.asciz	"int8x16"
.Linfo_string12:
	.asciz	"v6"
.Linfo_string13:
	.asciz	"v7"
.Linfo_string14:
	.asciz	"v8"
	.section	.debug_pubnames,"",%progbits
	.long	.LpubNames_end0-.LpubNames_start0
.LpubNames_start0:
	.short	2
	.long	.Lcu_begin0
	.long	229
	.long	38
	.asciz	"k"
	.long	0
.LpubNames_end0:
	.section	.debug_pubtypes,"",%progbits
	.long	.LpubTypes_end0-.LpubTypes_start0
.LpubTypes_start0:
	.short	2
	.long	.Lcu_begin0
	.long	229
	.long	202
	.asciz	"int8"
	.long	214
	.asciz	"int32"
	.long	221
	.asciz	"int8x16"
	.long	0
.LpubTypes_end0:
	.section	".note.GNU-stack","",%progbits
	.section	.debug_line,"",%progbits
.Lline_table_start0:
